#include "common/compiler/palette.h"

#include <algorithm>

#include "common/base/hash.h"
#include "common/compiler/composite.h"
#include "common/compiler/container.h"
#include "common/nodes/registry.h"

namespace graphkiln::compiler {

v1::NodeType PaletteEntry::Describe() const {
  if (def != nullptr) return nodes::Describe(*def);
  return composite != nullptr ? compiler::Describe(*composite) : DescribeContainer(name);
}

const std::vector<PaletteEntry>& Palette() {
  static const std::vector<PaletteEntry>* const kPalette = [] {
    auto* all = new std::vector<PaletteEntry>();
    for (const nodes::NodeDef* def : nodes::AllNodes())
      all->push_back({std::string(def->name), std::string(def->category), def, nullptr});
    for (const v1::Composite& composite : BuiltInComposites())
      all->push_back({composite.name(), "composite", nullptr, &composite});
    for (const std::string& name : ContainerNames())
      all->push_back({name, "container", nullptr, nullptr});
    std::sort(all->begin(), all->end(),
              [](const PaletteEntry& a, const PaletteEntry& b) { return a.name < b.name; });
    return all;
  }();
  return *kPalette;
}

std::optional<v1::NodeType> DescribeType(std::string_view name) {
  if (const nodes::NodeDef* def = nodes::FindNode(name)) return nodes::Describe(*def);
  for (const PaletteEntry& entry : Palette()) {
    if (entry.name == name) return entry.Describe();
  }
  return std::nullopt;
}

const std::string& PaletteVersion() {
  static const std::string* const kVersion = [] {
    Sha256 hash;
    hash.Update(nodes::RegistryVersion());
    for (const PaletteEntry& entry : Palette()) {
      if (entry.def == nullptr) hash.Update(entry.Describe().SerializeAsString());
    }
    return new std::string(hash.HexDigest().substr(0, 16));
  }();
  return *kVersion;
}

}  // namespace graphkiln::compiler
