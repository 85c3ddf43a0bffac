// Parameters as text and as messages: for people, for Python, for clients.
#include <cmath>

#include "common/ir/types.h"
#include "common/nodes/param_spec.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

// A message stays readable whatever a user's list holds.
constexpr int kMaxListShown = 8;

}  // namespace

std::string TypeText(const ParamSpec& spec) {
  std::string text;
  switch (spec.type) {
    case ParamType::kInt:
      text = "int";
      break;
    case ParamType::kFloat:
      text = "float";
      break;
    case ParamType::kNumber:
      text = "number";
      break;
    case ParamType::kBool:
      text = "bool";
      break;
    case ParamType::kText:
      text = spec.choices.empty() ? "string" : "";
      break;
    case ParamType::kDType:
      text = "dtype";
      break;
    case ParamType::kInts:
    case ParamType::kFloats: {
      const std::string item = spec.type == ParamType::kInts ? "int" : "float";
      const std::string element = spec.null_items ? fmt::format("({} | null)", item) : item;
      text = spec.count > 0 ? fmt::format("{}[{}]", element, spec.count)
                            : fmt::format("{}[]", element);
      if (spec.single_ok) text = fmt::format("{} | {}", item, text);
      break;
    }
  }
  for (const std::string& choice : spec.choices) {
    text += fmt::format("{}\"{}\"", text.empty() ? "" : " | ", choice);
  }
  if (spec.nullable) text += " | null";
  return text;
}

v1::Value ToValue(const ParamValue& value) {
  v1::Value out;
  if (std::holds_alternative<std::monostate>(value)) {
    out.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
  } else if (const bool* b = std::get_if<bool>(&value)) {
    out.set_bool_value(*b);
  } else if (const int64_t* i = std::get_if<int64_t>(&value)) {
    out.set_int_value(*i);
  } else if (const double* d = std::get_if<double>(&value)) {
    out.set_double_value(*d);
  } else if (const std::string* s = std::get_if<std::string>(&value)) {
    out.set_string_value(*s);
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
    out.mutable_list_value();
    for (const int64_t v : *ints) {
      v1::Value* item = out.mutable_list_value()->add_values();
      if (v == kNullItem) {
        item->set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      } else {
        item->set_int_value(v);
      }
    }
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&value)) {
    out.mutable_list_value();
    for (const double v : *doubles) out.mutable_list_value()->add_values()->set_double_value(v);
  } else if (const auto* dtype = std::get_if<v1::DataType>(&value)) {
    out.set_dtype_value(*dtype);
  }
  return out;
}

std::string ToPython(const ParamValue& value) {
  const auto number = [](double v) -> std::string {
    if (std::isnan(v)) return "float(\"nan\")";
    if (std::isinf(v)) return v > 0 ? "float(\"inf\")" : "float(\"-inf\")";
    std::string text = fmt::format("{}", v);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  };
  if (std::holds_alternative<std::monostate>(value)) return "None";
  if (const bool* b = std::get_if<bool>(&value)) return *b ? "True" : "False";
  if (const int64_t* i = std::get_if<int64_t>(&value)) return fmt::format("{}", *i);
  if (const double* d = std::get_if<double>(&value)) return number(*d);
  if (const std::string* s = std::get_if<std::string>(&value)) {
    std::string out = "\"";
    for (const char c : *s) {
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      } else {
        out += c;
      }
    }
    return out + "\"";
  }
  if (const auto* dtype = std::get_if<v1::DataType>(&value)) {
    return fmt::format("torch.{}", ir::DTypeName(*dtype));
  }
  std::string out;
  size_t count = 0;
  const auto add = [&](const std::string& item) { out += (count++ > 0 ? ", " : "") + item; };
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
    for (const int64_t v : *ints) add(v == kNullItem ? "None" : fmt::format("{}", v));
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&value)) {
    for (const double v : *doubles) add(number(v));
  }
  return "(" + out + (count == 1 ? ",)" : ")");
}

v1::ParamInfo Describe(const ParamSpec& spec) {
  v1::ParamInfo info;
  info.set_name(spec.name);
  info.set_type(TypeText(spec));
  if (spec.default_value) {
    *info.mutable_default_value() = ToValue(*spec.default_value);
  } else if (spec.nullable && !spec.required && !spec.inferred) {
    info.mutable_default_value()->set_null_value(v1::NULL_VALUE_UNSPECIFIED);
  }
  info.set_required(spec.required);
  info.set_inferred(spec.inferred);
  if (spec.minimum) info.set_minimum(*spec.minimum);
  if (spec.maximum) info.set_maximum(*spec.maximum);
  for (const std::string& choice : spec.choices) info.add_choices(choice);
  info.set_doc(spec.doc);
  return info;
}

std::string ValueText(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kNullValue:
      return "null";
    case v1::Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case v1::Value::kIntValue:
      return fmt::format("{}", value.int_value());
    case v1::Value::kDoubleValue:
      return fmt::format("{}", value.double_value());
    case v1::Value::kStringValue:
      return QuoteForMessage(value.string_value());
    case v1::Value::kExpression:
      return QuoteForMessage(value.expression());
    case v1::Value::kDtypeValue:
      return std::string(ir::DTypeName(value.dtype_value()));
    case v1::Value::kListValue: {
      std::string text = "[";
      int shown = 0;
      for (const v1::Value& item : value.list_value().values()) {
        if (shown > 0) text += ", ";
        if (++shown > kMaxListShown) {
          text += "...";
          break;
        }
        // One level is shown; deeper values are user data of any depth.
        text += item.kind_case() == v1::Value::kListValue  ? "[...]"
                : item.kind_case() == v1::Value::kMapValue ? "{...}"
                                                           : ValueText(item);
      }
      return text + "]";
    }
    case v1::Value::kMapValue:
      return "{...}";
    case v1::Value::KIND_NOT_SET:
      return "nothing";
  }
  return "nothing";
}

}  // namespace graphkiln::nodes
