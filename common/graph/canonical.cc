#include "common/graph/canonical.h"

#include <algorithm>
#include <vector>

#include "common/base/hash.h"
#include "common/graph/encode.h"

namespace graphkiln::graph {

namespace {

// Containers nest at most 64 levels.
void MakeCanonical(v1::Node& node) {
  for (v1::CompositeNode& child : *node.mutable_children()) MakeCanonical(*child.mutable_node());
  node.clear_doc();
  node.clear_extra();
  if (node.mode() == v1::NODE_MODE_NORMAL) node.clear_mode();
  if (node.compile_mode() == v1::COMPILE_MODE_RUNTIME) node.clear_compile_mode();
  const auto has_name = [](const v1::NodeInput& input) { return !input.port().empty(); };
  if (std::all_of(node.inputs().begin(), node.inputs().end(), has_name)) {
    // Named ports come in any order; unnamed ones mean their place.
    std::stable_sort(
        node.mutable_inputs()->begin(), node.mutable_inputs()->end(),
        [](const v1::NodeInput& a, const v1::NodeInput& b) { return a.port() < b.port(); });
  }
}

}  // namespace

v1::Graph Canonical(const v1::Graph& graph) {
  v1::Graph out = graph;
  out.set_schema_version(1);
  out.clear_name();
  out.clear_doc();
  out.clear_labels();
  out.clear_view();
  out.clear_extra();
  for (v1::GraphInput& input : *out.mutable_inputs()) {
    input.clear_doc();
    if (input.shape_known()) input.clear_shape_known();
    if (input.spec().dtype() == v1::DATA_TYPE_UNSPECIFIED)
      input.mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
  }
  for (v1::Node& node : *out.mutable_nodes()) MakeCanonical(node);
  for (v1::Composite& composite : *out.mutable_composites()) {
    composite.clear_doc();
    for (v1::CompositeParam& param : *composite.mutable_params()) param.clear_doc();
    for (v1::CompositePort& port : *composite.mutable_inputs()) port.clear_doc();
    for (v1::CompositeNode& inner : *composite.mutable_nodes())
      MakeCanonical(*inner.mutable_node());
  }
  const auto by_id = [](const v1::Node& a, const v1::Node& b) { return a.id() < b.id(); };
  std::stable_sort(out.mutable_nodes()->begin(), out.mutable_nodes()->end(), by_id);
  std::stable_sort(
      out.mutable_composites()->begin(), out.mutable_composites()->end(),
      [](const v1::Composite& a, const v1::Composite& b) { return a.name() < b.name(); });
  return out;
}

std::string ContentHash(const v1::Graph& graph) { return Sha256Hex(Encode(Canonical(graph))); }

}  // namespace graphkiln::graph
