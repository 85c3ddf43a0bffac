// Job files: YAML or JSON text -> v1::JobSpec with located diagnostics.
//
// Called by `kiln submit` and by tests; the coordinator gets the message. Pure functions; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/text_reader.h"
#include "common/jobs/faults.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::jobs {

/// One `--set a.b=c`.
struct Override {
  std::vector<std::string> path;
  TextNode value;  // parsed as YAML; without a position
};

/// InvalidArgument with a message for the user where there is no `=`, an empty key, or a value that
/// is no YAML.
absl::StatusOr<Override> ParseOverride(std::string_view text);

/// Puts the value at its path, making maps on the way; a data source replaces the others.
void ApplyOverride(const Override& change, TextNode* document);

struct JobFile {
  bool readable = false;  // the text is that of a job; else there is one fault and nothing below
  v1::JobSpec spec;
  /// Where `graph` named a file: the path as written. The caller reads it.
  std::string graph_path;
  /// Where `graph` was written inline: its node, positions included. The caller reads it.
  std::optional<TextNode> graph_node;
  JobPositions positions;
};

/// Reads a job; faults are appended with file, line and column. Unset keys stay unset: ResolveJob
/// fills them in. Returns true without errors.
bool ReadJob(std::string_view bytes, std::string_view file, const std::vector<Override>& overrides,
             JobFile* job, std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::jobs
