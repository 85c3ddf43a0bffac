#include "common/graph/value_json.h"

#include <map>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "nlohmann/json.hpp"

namespace graphkiln::graph {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string EscapeText(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '$') out += c;
  }
  // Text is an expression where it asks for a size; `$|` stands for nothing and keeps it apart.
  constexpr std::string_view kSize = "input.dim(";
  for (size_t at = 0; (at = out.find(kSize, at)) != std::string::npos; at += kSize.size())
    out.insert(at + 5, "$|");
  return out;
}

std::string DTypeText(v1::DataType dtype) {
  constexpr std::string_view kPrefix = "DATA_TYPE_";
  const std::string name = v1::DataType_Name(dtype);  // DATA_TYPE_FLOAT32
  if (name.size() < kPrefix.size()) return std::to_string(static_cast<int>(dtype));
  return ToLowerAscii(std::string_view(name).substr(kPrefix.size()));
}

Json ValueJson(const v1::Value& value, TextForm form) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      return value.bool_value();
    case v1::Value::kIntValue:
      return value.int_value();
    case v1::Value::kDoubleValue:
      return value.double_value();
    case v1::Value::kStringValue:
      return form == TextForm::kGraphFile ? EscapeText(value.string_value()) : value.string_value();
    case v1::Value::kExpression:
      return value.expression();
    case v1::Value::kDtypeValue:
      return DTypeText(value.dtype_value());
    case v1::Value::kListValue: {
      Json list = Json::array();
      for (const v1::Value& item : value.list_value().values()) {
        list.push_back(ValueJson(item, form));
      }
      return list;
    }
    case v1::Value::kMapValue: {
      const auto& fields = value.map_value().fields();
      Json map = Json::object();
      for (const auto& [key, item] :
           std::map<std::string, v1::Value>(fields.begin(), fields.end())) {
        // operator[] of an ordered object would search for the key each time.
        map.get_ref<Json::object_t&>().emplace_back(key, ValueJson(item, form));
      }
      return map;
    }
    case v1::Value::kNullValue:
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return nullptr;
}

}  // namespace graphkiln::graph
