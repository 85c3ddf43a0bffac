// Writes graphs in the native text form, such that reading gives the equal graph. Pure; any thread.
#pragma once

#include <string>

#include "graphkiln/v1/graph.pb.h"
#include "nlohmann/json_fwd.hpp"

namespace graphkiln::graph {

// The native form as a JSON document; keys in the order of the documentation.
nlohmann::ordered_json ToJson(const v1::Graph& graph);
// Such a document as text (`indent` -1: one line). Numbers that JSON lacks are written as `$+inf`,
// `$-inf` and `$?nan`, which the reader understands and no text of the user's looks like.
std::string DumpJson(nlohmann::ordered_json json, int indent);
// A document as YAML; the upper `rows` levels stand one entry a line.
std::string YamlText(const nlohmann::ordered_json& json, int rows);
std::string WriteJson(const v1::Graph& graph);
std::string WriteYaml(const v1::Graph& graph);

nlohmann::ordered_json ToJson(const v1::Value& value);
nlohmann::ordered_json ToJson(const v1::Argument& argument);

}  // namespace graphkiln::graph
