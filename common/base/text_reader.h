// YAML and JSON text -> a tree of nodes with positions, under limits.
//
// The one way by which files of users (graphs, jobs, composites) become data. It reads events,
// never a library's own tree, so that every limit is checked before memory is spent, and every
// value knows its line and column. Used by common/graph, common/jobs, common/nodes and the command
// line. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace graphkiln {

struct TextLimits {
  uint64_t max_bytes = 64ull << 20;
  int max_depth = 64;
  /// Scalars, starts and ends of lists and maps, aliases.
  uint64_t max_events = 4'000'000;
  /// Nodes copied for aliases and merge keys, over the whole text.
  uint64_t max_alias_expansion = 1'000'000;
};

/// 1-based; columns count bytes. Zero means unknown.
struct TextPos {
  int line = 0;
  int column = 0;
  friend bool operator==(const TextPos&, const TextPos&) = default;
};

struct TextEntry;

class TextNode {
 public:
  enum class Kind { kNull, kBool, kInt, kDouble, kString, kList, kMap };

  Kind kind = Kind::kNull;
  TextPos pos;
  bool b = false;
  int64_t i = 0;
  double d = 0.0;
  std::string s;
  std::vector<TextNode> items;     // kList
  std::vector<TextEntry> entries;  // kMap, in the order of the text, keys unique

  bool IsNull() const { return kind == Kind::kNull; }
  bool IsBool() const { return kind == Kind::kBool; }
  bool IsInt() const { return kind == Kind::kInt; }
  bool IsString() const { return kind == Kind::kString; }
  bool IsList() const { return kind == Kind::kList; }
  bool IsMap() const { return kind == Kind::kMap; }
  bool IsNumber() const { return kind == Kind::kInt || kind == Kind::kDouble; }
  /// Of a number. REQUIRES: IsNumber().
  double AsDouble() const { return kind == Kind::kInt ? static_cast<double>(i) : d; }

  /// The value under `key`, or null when this is no map or has no such key. Linear in the entries.
  const TextNode* Find(std::string_view key) const;
  const TextEntry* FindEntry(std::string_view key) const;

  /// "null", "a boolean", "an integer", "a number", "a string", "a list", "a map": for messages.
  std::string_view KindName() const;
  /// A short rendering for messages: the value of a scalar (strings quoted and shortened),
  /// otherwise KindName().
  std::string Describe() const;
};

struct TextEntry {
  std::string key;
  TextPos key_pos;
  TextNode value;
};

struct TextError {
  std::string message;
  TextPos pos;
};

/// True where ReadText takes the text for JSON: it starts with '[', or with '{' and a quoted key.
bool LooksLikeJson(std::string_view bytes);

/// Reads exactly one document: JSON, or YAML 1.2 with the core schema (true/false/null/~, integers
/// also 0x and 0o, floats, .inf, .nan), anchors, aliases and merge keys. Quoted scalars are
/// strings. Integers beyond int64 are an error. A key that is not a string is taken by its
/// spelling. On failure the status is InvalidArgument with "line:column: message", and `error` (may
/// be null) has the parts.
absl::StatusOr<TextNode> ReadText(std::string_view bytes, const TextLimits& limits,
                                  TextError* error);

}  // namespace graphkiln
