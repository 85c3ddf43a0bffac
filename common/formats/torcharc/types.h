// The classes that a TorchArc file may name: those of torch.nn that the registry has, and the
// format's own. Names are equal here and there; the table holds what is not. Used by reader and
// writer. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/nodes/node_def.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::torcharc {

/// An argument with another name here.
struct Renamed {
  std::string_view argument, param;
  TextNode::Kind kind;  // of the value for which it holds
};

/// What is different about a class that is not in torch.nn, or is a composite here.
struct TypeRow {
  std::string_view name;
  std::vector<std::string_view> required = {};  // arguments that may be left out here
  std::vector<std::string_view> unknown = {};   // parameters that the class's constructor lacks
  std::vector<Renamed> renamed = {};
  std::optional<std::pair<std::string_view, int64_t>> otherwise = {};  // where no argument is given
};

struct ModuleType {
  std::string_view type;  // here
  const nodes::NodeDef* def = nullptr;
  const v1::Composite* composite = nullptr;  // exactly one of both
  bool lazy = false;                         // sizes are inferred and may not be given
  const TypeRow* row = nullptr;              // may be null
};

/// Nothing where the format has no such class.
std::optional<ModuleType> FindModule(std::string_view name);
/// Names to choose the nearest from.
std::vector<std::string> ModuleNames();
/// The parameters that the class's constructor takes, by our names; required ones as the format has
/// it.
std::vector<nodes::ParamSpec> ArgumentsOf(const ModuleType& type);
/// The lazy class of a type; empty where there is none.
std::string_view LazyName(std::string_view type);
/// Names of the input ports in the order of the forward arguments.
std::vector<std::string> PortsOf(const ModuleType& type);

}  // namespace graphkiln::formats::torcharc
