// Writes graphs in the native text form, such that reading gives the equal graph. Pure; any thread.
#pragma once

#include <string>

#include "graphkiln/v1/graph.pb.h"
#include "nlohmann/json_fwd.hpp"

namespace graphkiln::graph {

// The native form as a JSON document; keys in the order of the documentation.
nlohmann::ordered_json ToJson(const v1::Graph& graph);
std::string WriteJson(const v1::Graph& graph);
std::string WriteYaml(const v1::Graph& graph);

nlohmann::ordered_json ToJson(const v1::Value& value);
nlohmann::ordered_json ToJson(const v1::Argument& argument);

}  // namespace graphkiln::graph
