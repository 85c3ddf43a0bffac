#include "common/compiler/node_names.h"

#include <algorithm>
#include <string_view>

#include "common/base/strings.h"
#include "common/compiler/identifiers.h"
#include "common/nodes/registry.h"

namespace graphkiln::compiler {
namespace {

// Keeps groups within groups shallow.
constexpr size_t kMaxLength = 120;

const std::string& NameOf(const v1::Node& node) {
  return node.name().empty() ? node.id() : node.name();
}

std::vector<std::string> NamesOf(absl::Span<const v1::Node* const> nodes) {
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const v1::Node* node : nodes) names.push_back(NameOf(*node));
  return names;
}

// What nn.ModuleDict calls something of its own.
bool IsMethod(std::string_view part) {
  constexpr std::string_view kMethods[] = {"clear", "items", "keys", "pop", "update", "values"};
  return std::find(std::begin(kMethods), std::end(kMethods), part) != std::end(kMethods);
}

bool IsPart(std::string_view part) {
  const bool number =
      !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  return number || (!part.empty() && ToIdentifier(part) == part && !IsMethod(part));
}

bool HasGroups(const v1::Node& node) {
  const std::string_view name = node.name();
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || name.size() > kMaxLength || !node.module().empty())
    return false;
  const std::string_view head = name.substr(0, dot);
  if (ToIdentifier(head) != head) return false;
  for (const std::string_view part : SplitView(name.substr(dot + 1), '.')) {
    if (!IsPart(part)) return false;
  }
  // Groups are of modules.
  const nodes::NodeDef* def = nodes::FindNode(node.type());
  return def == nullptr || def->python.kind != nodes::Python::Kind::kParameter;
}

}  // namespace

std::vector<std::string> NodeIdentifiers(absl::Span<const v1::Node* const> nodes) {
  std::vector<std::string> identifiers = MangleIds(NamesOf(nodes));
  std::vector<size_t> dotted;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (HasGroups(*nodes[i])) dotted.push_back(i);
  }
  if (dotted.empty()) return identifiers;
  // By modules; no group is called so. Among them is what a dotted name becomes where it is taken.
  StringSet taken(identifiers.begin(), identifiers.end());
  StringSet groups;
  for (const size_t i : dotted) {
    const std::string& name = nodes[i]->name();
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      groups.insert(name.substr(0, dot));
  }
  for (const size_t i : dotted) {
    const std::string& name = nodes[i]->name();
    bool free = !groups.contains(name) && !taken.contains(name);
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      free = free && !taken.contains(name.substr(0, dot));
    if (free) identifiers[i] = name;
    taken.insert(identifiers[i]);
  }
  return identifiers;
}

std::vector<std::string> InnerIdentifiers(absl::Span<const v1::Node* const> nodes, bool container) {
  return MangleInnerIds(NamesOf(nodes), container);
}

}  // namespace graphkiln::compiler
