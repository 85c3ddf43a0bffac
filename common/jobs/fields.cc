#include "common/jobs/fields.h"

#include <map>

#include "common/base/strings.h"
#include "common/graph/value_json.h"
#include "common/jobs/spans.h"
#include "fmt/format.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::jobs {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::ordered_json;

ordered_json ComponentText(const v1::Component& component) {
  ordered_json json;
  json["type"] = component.type();
  for (const auto& [name, value] :
       std::map<std::string, v1::Value>(component.params().begin(), component.params().end())) {
    json[name] = graph::ValueJson(value);
  }
  return json;
}

ordered_json FileText(const v1::FileSource& file) {
  if (file.artifact().empty()) return file.path();
  ordered_json json;
  if (!file.path().empty()) json["path"] = file.path();
  json["artifact"] = file.artifact();
  return json;
}

ordered_json WeightsText(const v1::WeightsSource& weights) {
  if (!weights.job().empty()) return "job:" + weights.job();
  return FileText(weights.file());
}

ordered_json GraphText(const v1::GraphSource& graph) {
  if (!graph.name().empty()) return graph.name();
  if (!graph.hash().empty()) return graph.hash();
  return nullptr;
}

}  // namespace

const FieldDescriptor* FieldOf(const KeySpec& key, const Message& parent) {
  return parent.GetDescriptor()->FindFieldByName(std::string(key.field_name()));
}

// `PRECISION_FLOAT32` of enum Precision <-> `float32`.
std::string EnumPrefix(const google::protobuf::EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return prefix + "_";
}

bool FieldIsSet(const KeySpec& key, const Message& parent) {
  const FieldDescriptor* field = FieldOf(key, parent);
  const Reflection& reflection = *parent.GetReflection();
  if (field->is_repeated()) return reflection.FieldSize(parent, field) > 0;
  return reflection.HasField(parent, field);  // without presence: not the zero value
}

double NumberIn(const KeySpec& key, const Message& parent) {
  const FieldDescriptor* field = FieldOf(key, parent);
  const Reflection& reflection = *parent.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(parent, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(reflection.GetUInt64(parent, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(reflection.GetInt64(parent, field));
    default:
      return reflection.GetDouble(parent, field);
  }
}

ordered_json FieldText(const KeySpec& key, const Message& parent) {
  const FieldDescriptor* field = FieldOf(key, parent);
  const Reflection& reflection = *parent.GetReflection();
  if (!FieldIsSet(key, parent) && key.default_text.empty()) return nullptr;
  switch (key.type) {
    case KeyType::kInt:
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
        return reflection.GetUInt64(parent, field);
      }
      return field->cpp_type() == FieldDescriptor::CPPTYPE_INT32
                 ? int64_t{reflection.GetInt32(parent, field)}
                 : reflection.GetInt64(parent, field);
    case KeyType::kFloat:
      return reflection.GetDouble(parent, field);
    case KeyType::kBool:
      return reflection.GetBool(parent, field);
    case KeyType::kText:
      return reflection.GetString(parent, field);
    case KeyType::kEnum: {
      const std::string& name = reflection.GetEnum(parent, field)->name();
      return ToLowerAscii(name.substr(EnumPrefix(*field->enum_type()).size()));
    }
    case KeyType::kSpan: {
      const auto& span =
          static_cast<const google::protobuf::Duration&>(reflection.GetMessage(parent, field));
      return SpanText(span.seconds() * kSecond + span.nanos());
    }
    case KeyType::kBytes: {
      const int64_t bytes = reflection.GetInt64(parent, field);
      return bytes == 0 ? "auto" : BytesText(bytes);
    }
    case KeyType::kTexts: {
      auto list = ordered_json::array();
      for (int i = 0; i < reflection.FieldSize(parent, field); ++i) {
        list.push_back(reflection.GetRepeatedString(parent, field, i));
      }
      return list;
    }
    case KeyType::kLabels: {
      const auto& labels = static_cast<const v1::JobSpec&>(parent).labels();
      return ordered_json(std::map<std::string, std::string>(labels.begin(), labels.end()));
    }
    case KeyType::kColumns: {
      const auto& inputs = static_cast<const v1::DataSpec&>(parent).inputs();
      ordered_json json;
      for (const auto& [name, columns] :
           std::map<std::string, v1::ColumnList>(inputs.begin(), inputs.end())) {
        json[name] = std::vector<std::string>(columns.columns().begin(), columns.columns().end());
      }
      return json;
    }
    case KeyType::kComponent:
      return ComponentText(static_cast<const v1::Component&>(reflection.GetMessage(parent, field)));
    case KeyType::kFile:
      return FileText(static_cast<const v1::FileSource&>(reflection.GetMessage(parent, field)));
    case KeyType::kGraph:
      return GraphText(static_cast<const v1::GraphSource&>(reflection.GetMessage(parent, field)));
    case KeyType::kWeights:
      return WeightsText(
          static_cast<const v1::WeightsSource&>(reflection.GetMessage(parent, field)));
    case KeyType::kSection:
      return nullptr;
  }
  return nullptr;
}

const Message* SectionOf(std::string_view section, const Message& root) {
  const Message* at = &root;
  for (const std::string_view part : SplitView(section, '.')) {
    if (part.empty()) break;
    const FieldDescriptor* field = at->GetDescriptor()->FindFieldByName(std::string(part));
    if (!at->GetReflection()->HasField(*at, field)) return nullptr;
    at = &at->GetReflection()->GetMessage(*at, field);
  }
  return at;
}

Message* MutableSection(std::string_view section, Message* root) {
  Message* at = root;
  for (const std::string_view part : SplitView(section, '.')) {
    if (part.empty()) break;
    const FieldDescriptor* field = at->GetDescriptor()->FindFieldByName(std::string(part));
    at = at->GetReflection()->MutableMessage(at, field);
  }
  return at;
}

}  // namespace graphkiln::jobs
