// Nodes that stand aside though they cannot, and containers that are not written as such. All of
// these write the node anew.
#include "common/compiler/container.h"
#include "common/compiler/fixes/generators.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

bool IsInactive(const v1::Node& node) {
  return node.mode() == v1::NODE_MODE_BYPASSED || node.mode() == v1::NODE_MODE_MUTED;
}

// The child that `path` (`Sequential.act`, `Sequential.0.act`) names, where that is certain.
v1::Node* FindChild(v1::Node& node, std::string_view path) {
  v1::Node* at = &node;
  size_t dot = path.find('.');
  while (dot != std::string_view::npos) {
    path.remove_prefix(dot + 1);
    dot = path.find('.');
    const std::string_view key = path.substr(0, dot);
    v1::Node* found = nullptr;
    for (int i = 0; i < at->children_size(); ++i) {
      v1::CompositeNode& child = *at->mutable_children(i);
      // Positions are not known behind conditions and repetitions.
      if (!child.when().empty() || !child.repeat().empty()) break;
      const std::string& id = child.node().id();
      if (id == key || (id.empty() && key == fmt::format("{}", i))) {
        found = child.mutable_node();
        break;
      }
    }
    if (found == nullptr) return nullptr;
    at = found;
  }
  return at;
}

v1::Node& Rewritten(const Site& site, FixRank rank, std::string description, Proposals& out) {
  v1::Node& node =
      *out.Add(rank, std::move(description)).add_edits()->mutable_add_node()->mutable_node();
  node = *site.node;
  return node;
}

}  // namespace

void FixInactive(const Site& site, Proposals& out) {
  if (site.node == nullptr) return;
  v1::Node node = *site.node;
  v1::Node* at = &node;
  if (!IsInactive(node)) at = FindChild(node, site.diagnostic.path());
  if (at == nullptr || !IsInactive(*at)) return;
  at->clear_mode();
  Rewritten(site, kPossible, "let the node take part again", out) = node;
}

void FixContainer(const Site& site, Proposals& out) {
  if (site.node == nullptr || site.diagnostic.rule() != "CONTAINER_C1") return;
  if (site.node->children_size() == 0) return;
  if (!IsContainer(site.node->type())) {
    for (const char* type : {"Sequential", "ModuleList", "ModuleDict"}) {
      v1::Node& node = Rewritten(site, kPossible, fmt::format("make the node a {}", type), out);
      node.set_type(type);
      node.clear_params();
    }
    return;
  }
  v1::Node bare = *site.node, numbered = *site.node;
  bool inputs = false, keys = false;
  for (v1::CompositeNode& child : *bare.mutable_children()) {
    inputs = inputs || child.node().inputs_size() > 0;
    child.mutable_node()->clear_inputs();
  }
  for (v1::CompositeNode& child : *numbered.mutable_children()) {
    std::string& id = *child.mutable_node()->mutable_id();
    if (child.repeat().empty() || id.empty() || id.find('{') != std::string::npos) continue;
    keys = true;
    id += "_{$i}";
  }
  if (inputs) Rewritten(site, kNatural, "let the children take what they are handed", out) = bare;
  if (keys) Rewritten(site, kNatural, "number the repeated children", out) = numbered;
}

}  // namespace graphkiln::compiler
