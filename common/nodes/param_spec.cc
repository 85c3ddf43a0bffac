#include "common/nodes/param_spec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "common/base/whole.h"
#include "common/ir/types.h"
#include "common/nodes/given_params.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::string NumberText(double v) {
  if (std::isfinite(v) && v == std::floor(v) && std::fabs(v) < 1e15) {
    return fmt::format("{}", static_cast<int64_t>(v));
  }
  return fmt::format("{}", v);
}

std::string RangeText(const ParamSpec& spec) {
  std::string text;
  if (spec.minimum)
    text += fmt::format(" {} {}", spec.open_minimum ? ">" : ">=", NumberText(*spec.minimum));
  if (spec.maximum) {
    text += fmt::format("{} <= {}", spec.minimum ? " and" : "", NumberText(*spec.maximum));
  }
  return text;
}

constexpr int64_t kMaxSize = (int64_t{1} << 31) - 1;

bool InRange(const ParamSpec& spec, double v) {
  if (std::isnan(v)) return !(spec.minimum || spec.maximum);
  if (spec.minimum && (spec.open_minimum ? v <= *spec.minimum : v < *spec.minimum)) return false;
  return !(spec.maximum && v > *spec.maximum);
}

// JSON has no literals for them.
std::optional<double> AsNonFinite(const v1::Value& value) {
  if (value.kind_case() != v1::Value::kStringValue) return std::nullopt;
  const std::string& text = value.string_value();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

std::optional<double> AsNumber(const v1::Value& value) {
  if (value.kind_case() == v1::Value::kIntValue) return static_cast<double>(value.int_value());
  if (value.kind_case() == v1::Value::kDoubleValue) return value.double_value();
  return std::nullopt;
}

std::optional<int64_t> AsInt(const v1::Value& value) {
  if (value.kind_case() == v1::Value::kIntValue) return value.int_value();
  if (value.kind_case() == v1::Value::kDoubleValue) {
    const double v = value.double_value();
    if (std::floor(v) == v && std::fabs(v) < 9e15) return static_cast<int64_t>(v);
  }
  return std::nullopt;
}

class Checker {
 public:
  Checker(const ParamSpec& spec, const v1::Value& value, absl::FunctionRef<void(ParamIssue)> report)
      : spec_(spec), value_(value), report_(report) {}

  std::optional<ParamValue> Run() {
    using Kind = v1::Value;
    if (value_.kind_case() == Kind::kNullValue) {
      if (spec_.nullable) return ParamValue(std::monostate());
      return Wrong();
    }
    if (value_.kind_case() == Kind::kStringValue && spec_.type != ParamType::kText) {
      for (const std::string& choice : spec_.choices) {
        if (choice == value_.string_value()) return ParamValue(choice);
      }
      if (spec_.type == ParamType::kDType) {
        const v1::DataType dtype = ir::ParseDType(value_.string_value());
        if (dtype != v1::DATA_TYPE_UNSPECIFIED) return ParamValue(dtype);
      }
      if (spec_.type == ParamType::kFloat || spec_.type == ParamType::kNumber) {
        if (const auto v = AsNonFinite(value_)) return CheckRange(*v, ParamValue(*v));
      }
      return Wrong();
    }
    switch (spec_.type) {
      case ParamType::kInt:
        if (const auto v = AsInt(value_))
          return CheckRange(static_cast<double>(*v), ParamValue(*v));
        return Wrong();
      case ParamType::kFloat:
        if (const auto v = AsNumber(value_)) return CheckRange(*v, ParamValue(*v));
        return Wrong();
      case ParamType::kNumber:
        if (value_.kind_case() == Kind::kBoolValue) return ParamValue(value_.bool_value());
        if (value_.kind_case() == Kind::kIntValue) {
          return CheckRange(static_cast<double>(value_.int_value()),
                            ParamValue(static_cast<int64_t>(value_.int_value())));
        }
        if (value_.kind_case() == Kind::kDoubleValue)
          return CheckRange(value_.double_value(), ParamValue(value_.double_value()));
        return Wrong();
      case ParamType::kBool:
        if (value_.kind_case() == Kind::kBoolValue) return ParamValue(value_.bool_value());
        return Wrong();
      case ParamType::kText:
        if (value_.kind_case() != Kind::kStringValue) return Wrong();
        return CheckChoice();
      case ParamType::kDType:
        if (value_.kind_case() == Kind::kDtypeValue) return ParamValue(value_.dtype_value());
        return Wrong();
      case ParamType::kInts:
      case ParamType::kFloats:
        return List();
    }
    return Wrong();
  }

 private:
  std::nullopt_t Wrong() {
    Issue("PARAM_TYPE", fmt::format("parameter {} must be {}", spec_.name, TypeText(spec_)));
    return std::nullopt;
  }
  void Issue(std::string_view code, std::string message, std::optional<v1::Value> suggested = {}) {
    ParamIssue issue;
    issue.code = std::string(code);
    issue.param = spec_.name;
    issue.message = std::move(message);
    issue.expected = TypeText(spec_) + RangeText(spec_);
    issue.found = ValueText(value_);
    issue.suggested = std::move(suggested);
    report_(std::move(issue));
  }
  std::optional<ParamValue> CheckRange(double v, ParamValue result) {
    const bool integral = spec_.type == ParamType::kInt || spec_.type == ParamType::kInts;
    if (integral && spec_.minimum && *spec_.minimum >= 0 && !spec_.maximum && v > kMaxSize) {
      // Sizes, counts and steps: twice a padding or a dilation times a kernel must fit into int64.
      Issue("PARAM_RANGE", fmt::format("parameter {} is at most {}", spec_.name, kMaxSize));
      return std::nullopt;
    }
    if (InRange(spec_, v)) return result;
    v1::Value suggested;
    const bool low = spec_.minimum && (std::isnan(v) || v <= *spec_.minimum);
    const double bound = low ? *spec_.minimum : spec_.maximum.value_or(0);
    if (integral) {
      suggested.set_int_value(SaturatedInt64(low && spec_.open_minimum ? bound + 1 : bound));
    } else {
      suggested.set_double_value(bound);
    }
    const bool offer = spec_.type == ParamType::kInt ||
                       (spec_.type == ParamType::kFloat && !(low && spec_.open_minimum));
    Issue("PARAM_RANGE", fmt::format("parameter {} must be{}", spec_.name, RangeText(spec_)),
          offer ? std::optional<v1::Value>(suggested) : std::nullopt);
    return std::nullopt;
  }
  std::optional<ParamValue> CheckChoice() {
    const std::string& text = value_.string_value();
    if (spec_.choices.empty()) return ParamValue(text);
    for (const std::string& choice : spec_.choices) {
      if (choice == text) return ParamValue(text);
    }
    std::optional<v1::Value> suggested;
    if (const auto near = NearestName(text, spec_.choices)) {
      suggested.emplace().set_string_value(*near);
    }
    Issue("PARAM_RANGE", fmt::format("parameter {} must be one of {}", spec_.name, TypeText(spec_)),
          std::move(suggested));
    return std::nullopt;
  }
  std::optional<ParamValue> List() {
    const bool floats = spec_.type == ParamType::kFloats;
    std::vector<v1::Value> items;
    if (value_.kind_case() == v1::Value::kListValue) {
      items.assign(value_.list_value().values().begin(), value_.list_value().values().end());
    } else if (spec_.single_ok && AsInt(value_)) {
      // One number for all: kept as a number, so that it is written back as the user wrote it.
      const int64_t v = *AsInt(value_);
      return CheckRange(static_cast<double>(v), floats ? ParamValue(static_cast<double>(v)) : v);
    } else if (spec_.single_ok && floats && AsNumber(value_)) {
      return CheckRange(*AsNumber(value_), ParamValue(*AsNumber(value_)));
    } else {
      return Wrong();
    }
    if (spec_.count > 0 && static_cast<int>(items.size()) != spec_.count) return Wrong();
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    for (const v1::Value& item : items) {
      if (spec_.null_items && item.kind_case() == v1::Value::kNullValue) {
        ints.push_back(kNullItem);
        continue;
      }
      const auto number =
          floats ? AsNumber(item)
                 : (AsInt(item) ? std::optional<double>(static_cast<double>(*AsInt(item)))
                                : std::nullopt);
      if (!number || *number == static_cast<double>(kNullItem)) return Wrong();
      if (!CheckRange(*number, ParamValue(true))) return std::nullopt;
      if (floats) {
        doubles.push_back(*number);
      } else {
        ints.push_back(*AsInt(item));
      }
    }
    if (floats) return ParamValue(std::move(doubles));
    return ParamValue(std::move(ints));
  }

  const ParamSpec& spec_;
  const v1::Value& value_;
  const absl::FunctionRef<void(ParamIssue)> report_;
};

}  // namespace

ParamSpec& ParamSpec::Default(int value) {
  if (type == ParamType::kFloat) return Default(ParamValue(static_cast<double>(value)));
  return Default(ParamValue(static_cast<int64_t>(value)));
}

ParamSpec Int(std::string_view name) { return {name, ParamType::kInt}; }
ParamSpec Float(std::string_view name) { return {name, ParamType::kFloat}; }
ParamSpec Number(std::string_view name) { return {name, ParamType::kNumber}; }
ParamSpec Bool(std::string_view name) { return {name, ParamType::kBool}; }
ParamSpec Text(std::string_view name) { return {name, ParamType::kText}; }
ParamSpec DType(std::string_view name) { return {name, ParamType::kDType}; }
ParamSpec Ints(std::string_view name) { return {name, ParamType::kInts}; }
ParamSpec IntsOrInt(std::string_view name) {
  ParamSpec spec(name, ParamType::kInts);
  spec.single_ok = true;
  return spec;
}
ParamSpec IntN(std::string_view name, int count) {
  ParamSpec spec(name, ParamType::kInts);
  spec.count = count;
  spec.single_ok = true;
  return spec;
}
ParamSpec Floats(std::string_view name) { return {name, ParamType::kFloats}; }
ParamSpec FloatsOrFloat(std::string_view name, int count) {
  ParamSpec spec = FloatN(name, count);
  spec.single_ok = true;
  return spec;
}
ParamSpec FloatN(std::string_view name, int count) {
  ParamSpec spec(name, ParamType::kFloats);
  spec.count = count;
  return spec;
}

const std::vector<Params::Entry>& Params::entries() const {
  static const std::vector<Entry>* const kNone = new std::vector<Entry>();
  return entries_ != nullptr ? *entries_ : *kNone;
}

std::vector<Params::Entry>& Params::Own() {
  if (entries_ == nullptr) {
    entries_ = std::make_shared<std::vector<Entry>>();
  } else if (entries_.use_count() > 1) {
    entries_ = std::make_shared<std::vector<Entry>>(*entries_);
  }
  return *entries_;
}

bool operator==(const Params& a, const Params& b) {
  if (a.entries_ == b.entries_) return true;
  return std::equal(a.entries().begin(), a.entries().end(), b.entries().begin(), b.entries().end(),
                    [](const Params::Entry& x, const Params::Entry& y) {
                      return x.given == y.given && x.name == y.name && x.value == y.value;
                    });
}

void Params::Reserve(size_t count) {
  if (count > 0) Own().reserve(count);
}

void Params::Set(std::string_view name, ParamValue value, bool given) {
  Own().push_back({std::string(name), std::move(value), given});
}

const ParamValue* Params::Find(std::string_view name) const {
  for (const Entry& entry : entries()) {
    if (entry.name == name) return &entry.value;
  }
  return nullptr;
}

bool Params::IsNull(std::string_view name) const {
  const ParamValue* value = Find(name);
  return value == nullptr || std::holds_alternative<std::monostate>(*value);
}

bool Params::IsText(std::string_view name) const {
  const ParamValue* value = Find(name);
  return value != nullptr && std::holds_alternative<std::string>(*value);
}

int64_t Params::Int(std::string_view name) const {
  const ParamValue* value = Find(name);
  const int64_t* v = value != nullptr ? std::get_if<int64_t>(value) : nullptr;
  return v != nullptr ? *v : 0;
}

double Params::Float(std::string_view name) const {
  const ParamValue* value = Find(name);
  if (value == nullptr) return 0;
  if (const double* v = std::get_if<double>(value)) return *v;
  return static_cast<double>(Int(name));
}

bool Params::Flag(std::string_view name) const {
  const ParamValue* value = Find(name);
  const bool* v = value != nullptr ? std::get_if<bool>(value) : nullptr;
  return v != nullptr && *v;
}

const std::string& Params::Text(std::string_view name) const {
  static const std::string* const kEmpty = new std::string();
  const ParamValue* value = Find(name);
  const std::string* v = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  return v != nullptr ? *v : *kEmpty;
}

std::vector<int64_t> Params::Ints(std::string_view name, int count) const {
  const ParamValue* value = Find(name);
  if (value == nullptr) return {};
  if (const auto* list = std::get_if<std::vector<int64_t>>(value)) return *list;
  if (const auto* single = std::get_if<int64_t>(value)) {
    return std::vector<int64_t>(count > 0 ? static_cast<size_t>(count) : 1, *single);
  }
  return {};
}

std::vector<double> Params::Floats(std::string_view name, int count) const {
  const ParamValue* value = Find(name);
  if (value == nullptr) return {};
  if (const auto* list = std::get_if<std::vector<double>>(value)) return *list;
  if (const auto* single = std::get_if<double>(value))
    return std::vector<double>(count > 0 ? static_cast<size_t>(count) : 1, *single);
  return {};
}

v1::DataType Params::DType(std::string_view name) const {
  const ParamValue* value = Find(name);
  const auto* v = value != nullptr ? std::get_if<v1::DataType>(value) : nullptr;
  return v != nullptr ? *v : v1::DATA_TYPE_UNSPECIFIED;
}

bool ResolveParams(const std::vector<ParamSpec>& specs, absl::Span<const GivenParam> given,
                   Params* params, absl::FunctionRef<void(ParamIssue)> report) {
  bool ok = true;
  // Few: looking at each is the fastest.
  const auto find = [given](std::string_view name) {
    return std::find_if(given.begin(), given.end(),
                        [name](const GivenParam& param) { return param.name == name; });
  };
  const auto fault = [&](ParamIssue issue) {
    ok = false;
    report(std::move(issue));
  };
  std::set<std::string> meant;  // misspelt: reported as unknown, so not as missing, too
  for (const auto& [name, value] : given) {
    const auto is_it = [name = name](const ParamSpec& spec) { return spec.name == name; };
    if (std::any_of(specs.begin(), specs.end(), is_it)) continue;
    std::vector<std::string> names;
    for (const ParamSpec& spec : specs) names.push_back(spec.name);
    ParamIssue issue;
    issue.code = "UNKNOWN_PARAM";
    issue.param = std::string(name);
    issue.rename_to = NearestName(name, names);
    // A name that is taken already cannot be the one that was meant.
    if (issue.rename_to && find(*issue.rename_to) != given.end()) issue.rename_to.reset();
    if (issue.rename_to) meant.insert(*issue.rename_to);
    issue.message = fmt::format("there is no parameter {}", QuoteForMessage(name));
    for (const std::string& legal : names)
      issue.expected += (issue.expected.empty() ? "" : ", ") + legal;
    issue.found = std::string(name);
    fault(std::move(issue));
  }
  params->Reserve(specs.size());
  for (const ParamSpec& spec : specs) {
    const auto it = find(spec.name);
    if (it != given.end()) {
      if (auto value = Checker(spec, *it->value, fault).Run()) {
        params->Set(spec.name, *std::move(value), true);
      }
      continue;
    }
    if (spec.default_value) {
      params->Set(spec.name, *spec.default_value, false);
    } else if (spec.inferred) {
      continue;
    } else if (spec.required) {
      if (meant.count(spec.name) > 0) continue;
      ParamIssue issue;
      issue.code = "MISSING_PARAM";
      issue.param = spec.name;
      issue.message = fmt::format("parameter {} is required", spec.name);
      issue.expected = TypeText(spec) + RangeText(spec);
      fault(std::move(issue));
    } else {
      params->Set(spec.name, std::monostate(), false);
    }
  }
  return ok;
}

}  // namespace graphkiln::nodes
