#include "common/formats/raw.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/graph/text.h"
#include "common/graph/value_json.h"

namespace graphkiln::formats {

v1::Value RawValue(const TextNode& node) {
  v1::Value value;
  switch (node.kind) {
    case TextNode::Kind::kNull:
      value.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      break;
    case TextNode::Kind::kBool:
      value.set_bool_value(node.b);
      break;
    case TextNode::Kind::kInt:
      value.set_int_value(node.i);
      break;
    case TextNode::Kind::kDouble:
      value.set_double_value(node.d);
      break;
    case TextNode::Kind::kString:
      value.set_string_value(node.s);
      break;
    case TextNode::Kind::kList:
      value.mutable_list_value();
      for (const TextNode& item : node.items)
        *value.mutable_list_value()->add_values() = RawValue(item);
      break;
    case TextNode::Kind::kMap:
      value.mutable_map_value();
      for (const TextEntry& entry : node.entries)
        (*value.mutable_map_value()->mutable_fields())[entry.key] = RawValue(entry.value);
      break;
  }
  return value;
}

Json RawJson(const TextNode& node) {
  switch (node.kind) {
    case TextNode::Kind::kBool:
      return node.b;
    case TextNode::Kind::kInt:
      return node.i;
    case TextNode::Kind::kDouble:
      return node.d;
    case TextNode::Kind::kString:
      return node.s;
    case TextNode::Kind::kList: {
      Json list = Json::array();
      for (const TextNode& item : node.items) list.push_back(RawJson(item));
      return list;
    }
    case TextNode::Kind::kMap: {
      Json map = Json::object();
      for (const TextEntry& entry : node.entries) Append(map, entry.key, RawJson(entry.value));
      return map;
    }
    case TextNode::Kind::kNull:
      break;
  }
  return nullptr;
}

Json RawJson(const v1::Value& value) { return graph::ValueJson(value); }

TextNode RawText(const v1::Value& value) {
  TextNode node;
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      node.kind = TextNode::Kind::kBool;
      node.b = value.bool_value();
      break;
    case v1::Value::kIntValue:
      node.kind = TextNode::Kind::kInt;
      node.i = value.int_value();
      break;
    case v1::Value::kDoubleValue:
      node.kind = TextNode::Kind::kDouble;
      node.d = value.double_value();
      break;
    case v1::Value::kListValue:
      node.kind = TextNode::Kind::kList;
      for (const v1::Value& item : value.list_value().values()) node.items.push_back(RawText(item));
      break;
    case v1::Value::kMapValue: {
      node.kind = TextNode::Kind::kMap;
      std::map<std::string_view, const v1::Value*> sorted;
      for (const auto& [key, item] : value.map_value().fields()) sorted.emplace(key, &item);
      for (const auto& [key, item] : sorted)
        node.entries.push_back({std::string(key), {}, RawText(*item)});
      break;
    }
    case v1::Value::kStringValue:
      node.kind = TextNode::Kind::kString;
      node.s = value.string_value();
      break;
    case v1::Value::kExpression:
      node.kind = TextNode::Kind::kString;
      node.s = value.expression();
      break;
    default:
      break;
  }
  return node;
}

void Append(Json& object, std::string_view key, Json value) {
  object.get_ref<Json::object_t&>().emplace_back(std::string(key), std::move(value));
}

namespace {

const v1::Value* FindIn(const v1::MapValue& extra, std::string_view key) {
  const auto origin = extra.fields().find(std::string(graph::kOrigin));
  if (origin == extra.fields().end()) return nullptr;
  const auto& fields = origin->second.map_value().fields();
  const auto entry = fields.find(std::string(key));
  return entry == fields.end() ? nullptr : &entry->second;
}

}  // namespace

Origin::Origin(const v1::Graph& graph, std::string_view format) : graph_(graph) {
  const v1::Value* kept = FindIn(graph.extra(), "format");
  of_format_ = kept != nullptr && kept->string_value() == format;
}

const v1::Value* Origin::Find(std::string_view key) const {
  return of_format_ ? FindIn(graph_.extra(), key) : nullptr;
}

const v1::Value* Origin::Find(const v1::Node& node, std::string_view key) const {
  return of_format_ ? FindIn(node.extra(), key) : nullptr;
}

void Origin::AppendFields(std::string_view key, std::initializer_list<std::string_view> ours,
                          Json* out) const {
  const v1::Value* kept = Find(key);
  if (kept == nullptr || !kept->has_map_value()) return;
  const Json fields = RawJson(*kept);
  for (const auto& [name, value] : fields.items()) {
    if (std::find(ours.begin(), ours.end(), name) == ours.end()) Append(*out, name, value);
  }
}

void SetOrigin(v1::MapValue* extra, std::string_view key, v1::Value value) {
  v1::Value& origin = (*extra->mutable_fields())[std::string(graph::kOrigin)];
  (*origin.mutable_map_value()->mutable_fields())[std::string(key)] = std::move(value);
}

v1::Value TextValue(std::string_view text) {
  v1::Value value;
  value.set_string_value(std::string(text));
  return value;
}

}  // namespace graphkiln::formats
