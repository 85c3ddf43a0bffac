// Reading a value of the job file into its field.
#include <cmath>
#include <optional>

#include "common/base/strings.h"
#include "common/jobs/fields.h"
#include "common/jobs/spans.h"
#include "fmt/format.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::jobs {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

const EnumValueDescriptor* FindEnum(const FieldDescriptor& field, std::string_view text) {
  std::string upper;
  for (const char c : text) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return field.enum_type()->FindValueByName(EnumPrefix(*field.enum_type()) + upper);
}

std::optional<int64_t> WholeNumber(const TextNode& node) {
  if (node.IsInt()) return node.i;
  if (node.kind == TextNode::Kind::kDouble && std::floor(node.d) == node.d &&
      std::fabs(node.d) < 9e15) {
    return static_cast<int64_t>(node.d);
  }
  return std::nullopt;
}

// Text of any scalar: column names and labels may look like numbers.
std::optional<std::string> ScalarText(const TextNode& node) {
  switch (node.kind) {
    case TextNode::Kind::kString:
      return node.s;
    case TextNode::Kind::kInt:
      return std::to_string(node.i);
    case TextNode::Kind::kBool:
      return node.b ? "true" : "false";
    case TextNode::Kind::kDouble:
      return fmt::format("{}", node.d);
    default:
      return std::nullopt;
  }
}

class FieldReader {
 public:
  FieldReader(const KeySpec& key, Message* parent, JobPositions* positions,
              std::vector<v1::Diagnostic>* diagnostics)
      : key_(key),
        parent_(parent),
        reflection_(*parent->GetReflection()),
        field_(FieldOf(key, *parent)),
        positions_(positions),
        diagnostics_(diagnostics) {}

  void Read(const TextNode& value) {
    if (value.IsNull()) return;  // as if absent
    switch (key_.type) {
      case KeyType::kInt:
        return Int(value);
      case KeyType::kFloat:
        return Float(value);
      case KeyType::kBool:
        if (!value.IsBool()) return WrongType(value);
        return reflection_.SetBool(parent_, field_, value.b);
      case KeyType::kText:
        return Text(value);
      case KeyType::kEnum:
        return Enum(value);
      case KeyType::kSpan:
        return Span(value);
      case KeyType::kBytes:
        return Bytes(value);
      case KeyType::kTexts:
        return Texts(value);
      case KeyType::kLabels:
        return Labels(value);
      case KeyType::kColumns:
        return Columns(value);
      case KeyType::kComponent:
        return Component(value);
      case KeyType::kFile:
        return File(value);
      case KeyType::kSection:
      case KeyType::kGraph:
      case KeyType::kWeights:
        return;
    }
  }

 private:
  v1::Diagnostic* Fault(std::string_view code, std::string_view path, std::string message) {
    return AddFault(diagnostics_, code, path, std::move(message));
  }
  void WrongType(const TextNode& value) { WrongType(value, key_.path, TypeText(key_)); }
  void WrongType(const TextNode& value, std::string_view path, std::string_view expected) {
    auto* fault = Fault("KEY_TYPE", path,
                        fmt::format("{} must be {}, not {}", path, expected, value.Describe()));
    fault->set_expected(std::string(expected));
    fault->set_found(value.Describe());
  }
  void OutOfRange(const TextNode& value) {
    auto* fault = Fault("KEY_RANGE", key_.path, fmt::format("{} is out of range", key_.path));
    fault->set_expected(TypeText(key_));
    fault->set_found(value.Describe());
    if (value.IsString()) SuggestName(fault, value.s, key_.choices);
  }

  void Int(const TextNode& value) {
    const auto number = WholeNumber(value);
    if (!number) return WrongType(value);
    if (!InRange(key_, static_cast<double>(*number))) return OutOfRange(value);
    switch (field_->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection_.SetInt32(parent_, field_, static_cast<int32_t>(*number));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection_.SetUInt64(parent_, field_, static_cast<uint64_t>(*number));
      default:
        return reflection_.SetInt64(parent_, field_, *number);
    }
  }
  void Float(const TextNode& value) {
    if (!value.IsNumber()) return WrongType(value);
    if (!InRange(key_, value.AsDouble())) return OutOfRange(value);
    reflection_.SetDouble(parent_, field_, value.AsDouble());
  }
  void Text(const TextNode& value) {
    const auto text = ScalarText(value);
    if (!text) return WrongType(value);
    if (text->empty()) return WrongType(value);
    if (!key_.choices.empty()) {
      bool legal = false;
      for (const std::string& choice : key_.choices) legal |= choice == *text;
      if (!legal) return OutOfRange(value);
    }
    reflection_.SetString(parent_, field_, *text);
  }
  void Enum(const TextNode& value) {
    if (!value.IsString()) return WrongType(value);
    for (const std::string& choice : key_.choices) {
      if (choice == value.s) {
        return reflection_.SetEnum(parent_, field_, FindEnum(*field_, choice));
      }
    }
    OutOfRange(value);
  }
  void Span(const TextNode& value) {
    const auto span = value.IsString() ? ParseSpan(value.s) : std::nullopt;
    if (!span) {
      WrongType(value);
      if (value.IsInt() && value.i > 0) {
        diagnostics_->back().add_fixes()->set_description(fmt::format("write {}s", value.i));
      }
      return;
    }
    auto* duration =
        static_cast<google::protobuf::Duration*>(reflection_.MutableMessage(parent_, field_));
    duration->set_seconds(*span / kSecond);
    duration->set_nanos(static_cast<int32_t>(*span % kSecond));
  }
  void Bytes(const TextNode& value) {
    if (value.IsString() && value.s == "auto") return reflection_.SetInt64(parent_, field_, 0);
    const auto bytes = value.IsString()               ? ParseBytes(value.s)
                       : value.IsInt() && value.i > 0 ? std::optional<int64_t>(value.i)
                                                      : std::nullopt;
    if (!bytes) return WrongType(value);
    reflection_.SetInt64(parent_, field_, *bytes);
  }
  void Texts(const TextNode& value) {
    if (value.IsString()) return reflection_.AddString(parent_, field_, value.s);
    if (!value.IsList()) return WrongType(value);
    for (size_t i = 0; i < value.items.size(); ++i) {
      const TextNode& item = value.items[i];
      const std::string path = fmt::format("{}.{}", key_.path, i);
      positions_->emplace(path, item.pos);
      if (!item.IsString()) {
        WrongType(item, path, "a name");
      } else {
        reflection_.AddString(parent_, field_, item.s);
      }
    }
  }
  void Labels(const TextNode& value) {
    if (!value.IsMap()) return WrongType(value);
    auto* spec = static_cast<v1::JobSpec*>(parent_);
    for (const TextEntry& entry : value.entries) {
      const std::string path = fmt::format("{}.{}", key_.path, entry.key);
      positions_->emplace(path, entry.value.pos);
      const auto text = ScalarText(entry.value);
      if (!text) {
        WrongType(entry.value, path, "a string");
      } else {
        (*spec->mutable_labels())[entry.key] = *text;
      }
    }
  }
  void Columns(const TextNode& value) {
    if (!value.IsMap()) return WrongType(value);
    auto* data = static_cast<v1::DataSpec*>(parent_);
    for (const TextEntry& entry : value.entries) {
      const std::string path = fmt::format("{}.{}", key_.path, entry.key);
      positions_->emplace(path, entry.key_pos);
      v1::ColumnList columns;
      if (const auto name = ScalarText(entry.value)) {
        columns.add_columns(*name);
      } else if (entry.value.IsList()) {
        for (const TextNode& item : entry.value.items) {
          if (const auto item_name = ScalarText(item)) {
            columns.add_columns(*item_name);
          } else {
            WrongType(item, path, "a column name or a glob");
          }
        }
      }
      if (columns.columns().empty()) {
        if (!HasErrorAt(*diagnostics_, path)) WrongType(entry.value, path, "column names or globs");
        continue;
      }
      (*data->mutable_inputs())[entry.key] = std::move(columns);
    }
  }
  void Component(const TextNode& value) {
    auto* component = static_cast<v1::Component*>(reflection_.MutableMessage(parent_, field_));
    if (value.IsString()) {
      component->set_type(value.s);
      return;
    }
    const TextNode* type = value.IsMap() ? value.Find("type") : nullptr;
    if (type == nullptr || !type->IsString()) {
      reflection_.ClearField(parent_, field_);
      if (!value.IsMap()) return WrongType(value);
      const std::string path = fmt::format("{}.type", key_.path);
      if (type != nullptr) return WrongType(*type, path, "a name");
      Fault("MISSING_KEY", path, fmt::format("{} needs the key type", key_.path));
      return;
    }
    component->set_type(type->s);
    for (const TextEntry& entry : value.entries) {
      const std::string path = fmt::format("{}.{}", key_.path, entry.key);
      positions_->emplace(path, entry.value.pos);
      if (entry.key == "type") continue;
      v1::Value param;
      if (!ToValue(entry.value, &param)) {
        WrongType(entry.value, path, "a value or a list of values");
      } else {
        (*component->mutable_params())[entry.key] = std::move(param);
      }
    }
  }
  // A path, or as a resolved job spells it: {path: P, artifact: SHA256}.
  void File(const TextNode& value) {
    auto* file = static_cast<v1::FileSource*>(reflection_.MutableMessage(parent_, field_));
    if (value.IsString() && !value.s.empty()) {
      file->set_path(value.s);
      return;
    }
    if (!value.IsMap() || value.entries.empty()) return WrongType(value);
    for (const TextEntry& entry : value.entries) {
      const std::string path = fmt::format("{}.{}", key_.path, entry.key);
      positions_->emplace(path, entry.value.pos);
      if (entry.key != "path" && entry.key != "artifact") {
        auto* fault = Fault("UNKNOWN_KEY", path,
                            fmt::format("{} has no key {}", key_.path, QuoteForMessage(entry.key)));
        SuggestName(fault, entry.key, {"path", "artifact"});
      } else if (!entry.value.IsString()) {
        WrongType(entry.value, path, "a string");
      } else if (entry.key == "path") {
        file->set_path(entry.value.s);
      } else {
        file->set_artifact(entry.value.s);
      }
    }
  }

  const KeySpec& key_;
  Message* parent_;
  const Reflection& reflection_;
  const FieldDescriptor* field_;
  JobPositions* positions_;
  std::vector<v1::Diagnostic>* diagnostics_;
};

}  // namespace

void ReadField(const KeySpec& key, const TextNode& value, Message* parent, JobPositions* positions,
               std::vector<v1::Diagnostic>* diagnostics) {
  FieldReader(key, parent, positions, diagnostics).Read(value);
}

bool ToValue(const TextNode& node, v1::Value* value) {
  switch (node.kind) {
    case TextNode::Kind::kNull:
      value->set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      return true;
    case TextNode::Kind::kBool:
      value->set_bool_value(node.b);
      return true;
    case TextNode::Kind::kInt:
      value->set_int_value(node.i);
      return true;
    case TextNode::Kind::kDouble:
      value->set_double_value(node.d);
      return true;
    case TextNode::Kind::kString:
      value->set_string_value(node.s);
      return true;
    case TextNode::Kind::kList:
      value->mutable_list_value();
      for (const TextNode& item : node.items) {
        if (item.IsList() || item.IsMap()) return false;  // no parameter is nested
        if (!ToValue(item, value->mutable_list_value()->add_values())) return false;
      }
      return true;
    case TextNode::Kind::kMap:
      return false;
  }
  return false;
}

}  // namespace graphkiln::jobs
