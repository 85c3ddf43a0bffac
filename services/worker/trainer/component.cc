#include "services/worker/trainer/component.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

const api::Value* Find(const api::Component& component, std::string_view name) {
  const auto found = component.params().find(std::string(name));
  if (found == component.params().end()) return nullptr;
  if (found->second.kind_case() == api::Value::kNullValue) return nullptr;
  return &found->second;
}

absl::Status WrongKind(const api::Component& component, std::string_view name,
                       std::string_view wanted) {
  return UserFault(reason::kUnsupported,
                   fmt::format("{}: parameter {} must be {}", component.type(), name, wanted));
}

std::optional<double> AsNumber(const api::Value& value) {
  if (value.kind_case() == api::Value::kDoubleValue) return value.double_value();
  if (value.kind_case() == api::Value::kIntValue) return static_cast<double>(value.int_value());
  return std::nullopt;
}

}  // namespace

absl::StatusOr<double> NumberParam(const api::Component& component, std::string_view name,
                                   double default_value) {
  const api::Value* value = Find(component, name);
  if (value == nullptr) return default_value;
  if (const std::optional<double> number = AsNumber(*value)) return *number;
  return WrongKind(component, name, "a number");
}

absl::StatusOr<int64_t> IntParam(const api::Component& component, std::string_view name,
                                 int64_t default_value) {
  const api::Value* value = Find(component, name);
  if (value == nullptr) return default_value;
  if (value->kind_case() == api::Value::kIntValue) return value->int_value();
  return WrongKind(component, name, "a whole number");
}

absl::StatusOr<bool> BoolParam(const api::Component& component, std::string_view name,
                               bool default_value) {
  const api::Value* value = Find(component, name);
  if (value == nullptr) return default_value;
  if (value->kind_case() == api::Value::kBoolValue) return value->bool_value();
  return WrongKind(component, name, "true or false");
}

absl::StatusOr<std::vector<double>> NumbersParam(const api::Component& component,
                                                 std::string_view name,
                                                 std::vector<double> default_value) {
  const api::Value* value = Find(component, name);
  if (value == nullptr) return default_value;
  if (value->kind_case() != api::Value::kListValue) {
    return WrongKind(component, name, "a list of numbers");
  }
  std::vector<double> numbers;
  for (const api::Value& item : value->list_value().values()) {
    const std::optional<double> number = AsNumber(item);
    if (!number.has_value()) return WrongKind(component, name, "a list of numbers");
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace graphkiln::trainer
