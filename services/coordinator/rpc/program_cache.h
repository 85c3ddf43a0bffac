// Compiled graphs and finished programs of recent submits: submitting the same graph again (sweeps,
// retries, sessions) compiles nothing. Graphs that differ in name, documentation or labels only are
// different entries, as these go into the program and into what a job leaves. Blocks while
// compiling: executor threads. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/module.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"
#include "graphkiln/v1/job.pb.h"
#include "services/coordinator/rpc/lru_cache.h"

namespace graphkiln::coordinator {

struct CompiledGraph {
  std::string key;          // SHA-256 of the serialized graph
  std::string hash;         // content hash, without names and documentation
  std::string graph_bytes;  // serialized graph in canonical form: a function of the hash
  bool ok = false;
  std::vector<v1::Diagnostic> diagnostics;
  std::shared_ptr<const ir::Module> module;  // null when !ok
};

class ProgramCache {
 public:
  explicit ProgramCache(size_t most_entries = 256, size_t most_bytes = 128 << 20)
      : graphs_(most_entries, most_bytes), programs_(most_entries, most_bytes) {}

  std::shared_ptr<const CompiledGraph> Compile(const v1::Graph& graph);
  /// Serialized v1::IrModule with `loss` appended; null loss leaves the program as it is. Faults of
  /// the loss are diagnostics. REQUIRES: graph.ok.
  absl::StatusOr<std::shared_ptr<const std::string>> Program(
      const CompiledGraph& graph, const v1::Component* loss,
      std::vector<v1::Diagnostic>* diagnostics);

 private:
  LruCache<CompiledGraph> graphs_;
  LruCache<std::string> programs_;
};

}  // namespace graphkiln::coordinator
