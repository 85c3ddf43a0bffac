#include "clients/cli/context.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/job_writer.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr size_t kMostShown = 100;

void FromEnvironment(const char* name, std::string* value) {
  const char* text = std::getenv(name);
  if (value->empty() && text != nullptr) *value = text;
}

std::string Dump(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view ErrorName(int exit_code) {
  switch (exit_code) {
    case kUsage:
      return "USAGE";
    case kInvalid:
      return "INVALID";
    case kNotFound:
      return "NOT_FOUND";
    case kNotAllowed:
      return "PERMISSION_DENIED";
    case kJobFailed:
      return "JOB_FAILED";
    case kTimedOut:
      return "TIMED_OUT";
    case kUnreachable:
      return "UNREACHABLE";
    default:
      return "FAILURE";
  }
}

// Ids and messages may hold what a terminal would obey: escapes become visible.
std::string Printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace

void Context::UseEnvironment() {
  FromEnvironment("KILN_ENDPOINT", &endpoint);
  FromEnvironment("KILN_TOKEN", &token);
  FromEnvironment("KILN_CA", &ca);
  stderr_is_terminal_ = isatty(STDERR_FILENO) == 1;
  stdout_is_terminal_ = isatty(STDOUT_FILENO) == 1;
  const char* no_color_text = std::getenv("NO_COLOR");
  const bool forbidden = no_color || (no_color_text != nullptr && *no_color_text != '\0');
  color_ = stderr_is_terminal_ && !forbidden;
}

Format Context::format() const {
  if (format_name == "json") return Format::kJson;
  if (format_name == "yaml") return Format::kYaml;
  if (format_name == "name") return Format::kName;
  return Format::kText;
}

void Context::Print(std::string_view text) {
  if (stdout_failed()) return;
  const std::string shown = stdout_is_terminal_ ? Printable(text) : std::string(text);
  errno = 0;
  const bool written = std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size();
  if (std::fflush(stdout) != 0 || !written) stdout_errno_ = errno != 0 ? errno : EIO;
}

int Context::Exit(int exit_code) const {
  if (!stdout_failed()) return exit_code;
  fmt::print(stderr, "error: cannot write to stdout: {}\n", std::strerror(stdout_errno_));
  return exit_code == kOk ? kFailure : exit_code;
}

void Context::PrintDocument(const Json& document) {
  Print(format() == Format::kYaml ? jobs::YamlText(document) : Dump(document) + "\n");
}

void Context::PrintLine(const Json& document) { Print(Dump(document) + "\n"); }

void Context::Notice(std::string_view text) {
  if (!quiet) fmt::print(stderr, "{}\n", text);
}

std::string Context::Paint(std::string_view text, std::string_view code) const {
  if (!color_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

int Context::Fail(const absl::Status& status) {
  const int exit_code = ExitCodeOf(status);
  return Fail(exit_code, ErrorName(exit_code), MessageOf(status));
}

int Context::Fail(int exit_code, std::string_view code, std::string_view message) {
  fmt::print(stderr, "{} {}\n", Paint("error:", "1;31"), Printable(message));
  if (json()) {
    Json document;
    if (exit_code == kInvalid) {
      document["valid"] = false;
      document["diagnostics"] = Json::array();
    }
    document["error"] = {{"code", std::string(code)}, {"message", std::string(message)}};
    PrintLine(document);
  }
  return exit_code;
}

void Context::ShowDiagnostics(const std::vector<v1::Diagnostic>& diagnostics) {
  size_t shown = 0;
  for (const v1::Diagnostic& d : diagnostics) {
    if (quiet && d.severity() != v1::SEVERITY_ERROR) continue;
    if (shown == kMostShown) {
      fmt::print(stderr, "... and {} more\n", diagnostics.size() - shown);
      break;
    }
    ++shown;
    const std::string_view severity = SeverityName(d.severity());
    const std::string_view paint = d.severity() == v1::SEVERITY_ERROR     ? "1;31"
                                   : d.severity() == v1::SEVERITY_WARNING ? "1;33"
                                                                          : "1;36";
    std::string text = fmt::format("{} {}\n", Paint(fmt::format("{}:", severity), paint),
                                   Paint(Printable(d.message()), "1"));
    if (const std::string where = WhereText(d); !where.empty()) {
      text += fmt::format("  --> {}\n", Printable(where));
    }
    if (!d.expected().empty()) text += fmt::format("  expected {}\n", Printable(d.expected()));
    if (!d.found().empty()) text += fmt::format("  found    {}\n", Printable(d.found()));
    if (d.fixes_size() > 0) {
      text += fmt::format("  fix: {}\n", Printable(d.fixes(0).description()));
    }
    text += Paint(fmt::format("  [{}]{} kiln explain {}\n", d.code(),
                              d.rule().empty() ? "" : " " + d.rule(), d.code()),
                  "2");
    fmt::print(stderr, "{}", text);
  }
}

int Context::FailInvalid(const std::vector<v1::Diagnostic>& diagnostics) {
  ShowDiagnostics(diagnostics);
  if (json()) {
    Json document;
    document["valid"] = false;
    document["diagnostics"] = DiagnosticsJson(diagnostics);
    PrintLine(document);
  }
  return kInvalid;
}

}  // namespace graphkiln::cli
