#include "services/coordinator/rpc/program_cache.h"

#include <utility>

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/compiler/compile.h"
#include "common/compiler/loss.h"
#include "common/graph/canonical.h"
#include "services/coordinator/core/digest.h"

namespace graphkiln::coordinator {
namespace {

// Modules in memory are several times larger than the serialized graph.
constexpr size_t kModuleFactor = 8;

}  // namespace

std::shared_ptr<const CompiledGraph> ProgramCache::Compile(const v1::Graph& graph) {
  std::string key = Sha256Hex(SerializeDeterministic(graph));
  if (auto known = graphs_.Get(key); known != nullptr) return known;
  auto compiled = std::make_shared<CompiledGraph>();
  compiled->key = key;
  compiled->hash = graph::ContentHash(graph);
  // Jobs of other projects may name it by its hash: it must not tell what this one calls it.
  compiled->graph_bytes = SerializeDeterministic(graph::Canonical(graph));
  compiler::CompileResult result = compiler::Compile(graph);
  compiled->ok = result.ok;
  compiled->diagnostics = std::move(result.diagnostics);
  compiled->module = std::move(result.module);
  const size_t bytes = compiled->graph_bytes.size() * kModuleFactor;
  graphs_.Put(std::move(key), compiled, bytes);
  return compiled;
}

absl::StatusOr<std::shared_ptr<const std::string>> ProgramCache::Program(
    const CompiledGraph& graph, const v1::Component* loss,
    std::vector<v1::Diagnostic>* diagnostics) {
  const std::string key =
      graph.key + (loss == nullptr ? "" : "/" + Sha256Hex(SerializeDeterministic(*loss)));
  if (auto known = programs_.Get(key); known != nullptr) return known;
  std::shared_ptr<const std::string> bytes;
  if (loss == nullptr) {
    bytes = std::make_shared<const std::string>(ir::ToProto(*graph.module).SerializeAsString());
  } else {
    ASSIGN_OR_RETURN(const ir::Module with_loss,
                     compiler::AppendLoss(*graph.module, *loss, diagnostics));
    bytes = std::make_shared<const std::string>(ir::ToProto(with_loss).SerializeAsString());
  }
  programs_.Put(key, bytes, bytes->size());
  return bytes;
}

}  // namespace graphkiln::coordinator
