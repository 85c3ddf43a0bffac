// Values of foreign files as they stand there: no text is an expression, nothing is escaped. Used
// by the readers and writers of formats, and to keep what a format says without meaning here
// (`origin` in `extra`) so that it is written back. Pure; any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "common/base/text_reader.h"
#include "graphkiln/v1/graph.pb.h"
#include "nlohmann/json.hpp"

namespace graphkiln::formats {

using Json = nlohmann::ordered_json;

/// The readers of text bound the depth of all of them.
v1::Value RawValue(const TextNode& node);
Json RawJson(const TextNode& node);
Json RawJson(const v1::Value& value);
/// As if read from a file; without positions.
TextNode RawText(const v1::Value& value);

/// Adds a key that is not there yet, without a search for it.
void Append(Json& object, std::string_view key, Json value);

/// What one format keeps at a graph and its nodes. Nothing is found where another format did so, or
/// none. Refers to the graph.
class Origin {
 public:
  Origin(const v1::Graph& graph, std::string_view format);

  /// Null where there is none. A user may have written anything there.
  const v1::Value* Find(std::string_view key) const;
  const v1::Value* Find(const v1::Node& node, std::string_view key) const;

  /// Adds what is kept at the graph as `key`, but for `ours`, the keys that the writer adds.
  void AppendFields(std::string_view key, std::initializer_list<std::string_view> ours,
                    Json* out) const;

 private:
  const v1::Graph& graph_;
  bool of_format_;
};

void SetOrigin(v1::MapValue* extra, std::string_view key, v1::Value value);
v1::Value TextValue(std::string_view text);

}  // namespace graphkiln::formats
