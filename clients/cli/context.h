// What every command shares: the global flags and the terminal.
//
// stdout carries the payload only; everything else goes to stderr. Main thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "nlohmann/json.hpp"

namespace graphkiln::cli {

using Json = nlohmann::ordered_json;

enum class Format { kText, kJson, kYaml, kName };

class Context {
 public:
  // Global flags, set by the parser before a command runs.
  std::string format_name;
  std::string endpoint;  // HOST:PORT or unix:PATH
  std::string token;
  std::string ca;
  bool no_color = false;
  bool quiet = false;
  bool verbose = false;

  /// Reads KILN_ENDPOINT, KILN_TOKEN, KILN_CA, NO_COLOR for what no flag said.
  void UseEnvironment();

  Format format() const;
  bool json() const { return format() == Format::kJson; }
  bool color() const { return color_; }
  bool stderr_is_terminal() const { return stderr_is_terminal_; }

  /// The document on stdout: JSON in one line, or YAML; text and name formats are the command's
  /// own.
  void PrintDocument(const Json& document);
  /// One JSON line at once (streams), flushed.
  void PrintLine(const Json& document);
  /// Text on stdout; on a terminal without control characters. What cannot be written is
  /// remembered: the program then ends as failed, and streams end at once.
  void Print(std::string_view text);
  bool stdout_failed() const { return stdout_errno_ != 0; }
  /// `exit_code`, or after telling so kFailure where stdout could not be written.
  int Exit(int exit_code) const;

  /// A notice on stderr, unless --quiet.
  void Notice(std::string_view text);
  /// `error: ...` on stderr, and in JSON the error document on stdout.
  int Fail(const absl::Status& status);
  int Fail(int exit_code, std::string_view code, std::string_view message);
  /// Shows diagnostics on stderr (what, where, fix, code each).
  void ShowDiagnostics(const std::vector<v1::Diagnostic>& diagnostics);
  /// The invalid graph, job or data: diagnostics on stderr, in JSON also the document
  /// `{"valid":false,"diagnostics":[...]}`. Returns kInvalid.
  int FailInvalid(const std::vector<v1::Diagnostic>& diagnostics);

  /// `text` in a colour of stderr where it has colours: "1" bold, "31" red, ...
  std::string Paint(std::string_view text, std::string_view code) const;

 private:
  bool color_ = false;
  bool stdout_is_terminal_ = false;
  int stdout_errno_ = 0;
  bool stderr_is_terminal_ = false;
};

}  // namespace graphkiln::cli
