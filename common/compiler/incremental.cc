#include "common/compiler/incremental.h"

#include <utility>

#include "common/compiler/incremental_state.h"

namespace graphkiln::compiler {

IncrementalCompiler::IncrementalCompiler(v1::Graph graph)
    : state_(std::make_unique<IncrementalState>()) {
  state_->Reset(std::move(graph));
}
IncrementalCompiler::~IncrementalCompiler() = default;
void IncrementalCompiler::Reset(v1::Graph graph) { state_->Reset(std::move(graph)); }
absl::Status IncrementalCompiler::Replace(v1::Node node) {
  std::vector<v1::Node> nodes;
  nodes.push_back(std::move(node));
  return state_->Replace(std::move(nodes));
}
absl::Status IncrementalCompiler::Replace(std::vector<v1::Node> nodes) {
  return state_->Replace(std::move(nodes));
}
const v1::Graph& IncrementalCompiler::graph() const { return state_->graph(); }
const v1::Node* IncrementalCompiler::Find(std::string_view id) const { return state_->Find(id); }
bool IncrementalCompiler::ok() const { return state_->ok(); }
std::vector<v1::Diagnostic> IncrementalCompiler::Diagnostics() const {
  return state_->Diagnostics();
}
const NodeTypesList& IncrementalCompiler::nodes() const { return state_->nodes(); }
const std::vector<int>& IncrementalCompiler::changed() const { return state_->changed(); }
size_t IncrementalCompiler::MemoryBytes() const { return state_->MemoryBytes(); }
size_t IncrementalCompiler::retyped() const { return state_->retyped(); }

}  // namespace graphkiln::compiler
