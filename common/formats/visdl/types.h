// The layers of VisDL graphs with their parameters and handles. Names are those of the registry;
// the table holds which parameters a file may give, and what is different. Used by reader and
// writer. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/formats/raw.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::visdl {

struct TypeRow {
  std::string_view name;  // here and there
  std::vector<std::string_view> params = {};
  std::vector<std::string_view> handles = {"input"};  // incoming
  std::vector<std::string_view> outputs = {""};       // our names of the ports
  bool as_list = false;                               // our only port takes both handles as a list
};

/// Null where the format has no such layer.
const TypeRow* FindType(std::string_view name);
std::vector<std::string> TypeNames();
/// Nodes of the format that are no layers: data, losses, optimizers, training. A config says them.
bool IsPipeline(std::string_view name);

/// `prev_specs` is the older name of `input`.
std::string_view Handle(std::string_view name);

/// A node without id and inputs. REQUIRES: a map with a text `node_type` that FindType knows,
/// `params` a map, null or absent.
v1::Node EntryNode(const TextNode& entry);

/// The entry as the writer chooses it: `node_type`, `params`, `disabled`. Nothing where the format
/// lacks the node.
std::optional<Json> PlainEntry(const v1::Node& node);

/// Equal for nodes that are the same but for id, name and inputs.
std::string Meaning(const v1::Node& node);

}  // namespace graphkiln::formats::visdl
