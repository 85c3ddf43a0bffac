// Names and literals in generated Python: nothing that a user wrote reaches the text unescaped.
//
// Called by the Python emitter. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/nodes/param_spec.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::emit::python {

// Name of the generated file without its ending: the graph's name as an identifier, `model` where
// it has none.
std::string FileStem(std::string_view graph_name);
// `iris_mlp` becomes `IrisMlp`; `Model` where there is nothing to go by.
std::string ClassName(std::string_view name);
// A string literal of ASCII characters, in the quotes that black prefers.
std::string StringLiteral(std::string_view text);
// A parameter's value and a graph's literal as Python writes them.
std::string ValueLiteral(const nodes::ParamValue& value);
std::string ValueLiteral(const v1::Value& value);
// Text for a comment: one line, no control or invisible characters, at most `max` bytes.
std::string CommentText(std::string_view text, size_t max = 2000);

// A text of several paragraphs, cut into lines of comment width; at most 100.
std::vector<std::string> CommentLines(std::string_view text);

// Hands out names that differ from each other and from Python's own.
class NameTable {
 public:
  NameTable();
  // `wanted` (an identifier), or the same with `_2`, `_3`, ... behind.
  std::string Take(std::string_view wanted, std::string_view separator = "_");

 private:
  StringSet used_;
  StringMap<int> next_;
};

}  // namespace graphkiln::emit::python
