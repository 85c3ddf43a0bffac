// From a job file to a job that can be sent: overrides, graph, data and weights read and checked
// here, before the server is asked.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::cli {

struct LoadedJob {
  v1::JobSpec spec;        // resolved; local files still by path
  std::string graph_text;  // what the file says: a path, a name or a hash
  std::string data_path;   // local file to upload; empty where there is none
  std::string weights_path;
  std::vector<v1::Diagnostic> diagnostics;  // located; also warnings of the graph
  bool ok = false;
};

/// Reads `file` (`-` is stdin) with `sets` (KEY=VALUE each). A status is for a job file that is not
/// there or a malformed `--set` (kFailedPrecondition: wrong usage).
absl::StatusOr<LoadedJob> LoadJob(const std::string& file, const std::vector<std::string>& sets);

}  // namespace graphkiln::cli
