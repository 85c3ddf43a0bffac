// A literal value as JSON: in graph files, job files and documents of the command line alike. Pure;
// any thread.
#pragma once

#include <string>

#include "graphkiln/v1/value.pb.h"
#include "nlohmann/json_fwd.hpp"

namespace graphkiln::graph {

/// In graph files `$` begins an expression, so that of a text is doubled there; elsewhere a text is
/// itself.
enum class TextForm { kPlain, kGraphFile };

/// Maps by rising key; unset is null. Values nest at most 64 levels, as the readers make sure.
nlohmann::ordered_json ValueJson(const v1::Value& value, TextForm form = TextForm::kPlain);

/// `text` as it stands in a graph file.
std::string EscapeText(const std::string& text);

/// `float32`; the number where there is no name for it.
std::string DTypeText(v1::DataType dtype);

}  // namespace graphkiln::graph
