// The schema of a job file, written once: reading, checking, defaults, `kiln explain job` and the
// printing of a resolved job all walk this table.
//
// A row binds a key path of the file to a field of v1::JobSpec. Pure data; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "nlohmann/json.hpp"

namespace graphkiln::jobs {

enum class KeyType {
  kSection,  // a map of further keys
  kInt,
  kFloat,
  kBool,
  kText,
  kEnum,       // a proto enum, spelled in lower case without its prefix
  kSpan,       // 5m, 90s, 1h30m
  kBytes,      // auto, 4GiB
  kTexts,      // a list of strings, or one
  kLabels,     // string to string
  kColumns,    // graph input to column names and globs
  kComponent,  // {type: NAME, parameters...}, or NAME
  kFile,       // a path beside the job file
  kGraph,      // a path, a saved graph's name, a content hash, or a graph
  kWeights,    // null, a path, or job:NAME
};

struct KeySpec {
  KeySpec(std::string_view path, KeyType type) : path(path), type(type) {}

  KeySpec& Field(std::string_view name) {
    field = name;
    return *this;
  }
  KeySpec& Default(std::string_view yaml) {
    default_text = yaml;
    return *this;
  }
  KeySpec& Min(double low) {
    minimum = low;
    return *this;
  }
  KeySpec& Range(double low, double high) {
    minimum = low;
    maximum = high;
    return *this;
  }
  /// The maximum itself is not legal.
  KeySpec& Below(double high) {
    maximum = high;
    open_maximum = true;
    return *this;
  }
  KeySpec& Choices(std::vector<std::string> values) {
    choices = std::move(values);
    return *this;
  }
  /// A section that is absent unless it is written.
  KeySpec& Optional() {
    optional = true;
    return *this;
  }
  KeySpec& OneOf(std::string_view name) {
    group = name;
    return *this;
  }
  KeySpec& Doc(std::string_view text) {
    doc = text;
    return *this;
  }

  /// Field of the parent's message; the last part of the path unless it is said.
  std::string_view field_name() const { return field.empty() ? leaf() : field; }
  std::string_view leaf() const { return path.substr(path.rfind('.') + 1); }
  std::string_view parent() const {
    const size_t dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  }

  std::string_view path;
  KeyType type;
  std::string_view field;
  std::string_view default_text;  // YAML; empty where absent means something of its own
  std::optional<double> minimum, maximum;
  bool open_maximum = false;
  bool optional = false;
  std::vector<std::string> choices;
  std::string_view group;  // keys of one group exclude each other
  std::string_view doc;
};

/// All rows; a section stands before its keys.
const std::vector<KeySpec>& JobSchema();

/// The row of a path, or null.
const KeySpec* FindKey(std::string_view path);

/// The rows directly below a section; "" is the top.
const std::vector<const KeySpec*>& KeysOf(std::string_view section);

/// The default of a row as a value, or null where it has none.
const TextNode* DefaultOf(const KeySpec& key);

/// `integer, 1 to 1000000`, `one of standard, minmax, none`, ...: for messages and the reference.
std::string TypeText(const KeySpec& key);

/// True where a number lies in the row's range.
bool InRange(const KeySpec& key, double value);

/// The reference of the job file: `[{"key","type","default","doc"}]` in order.
nlohmann::ordered_json DescribeSchema();

}  // namespace graphkiln::jobs
