// Fixes of parameters by themselves: out of range, of the wrong kind, absent, unknown, or an
// expression on a variable that is not there.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <set>

#include "common/base/strings.h"
#include "common/base/whole.h"
#include "common/compiler/fixes/generators.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

constexpr int64_t kLargest = int64_t{1} << 40;

const nodes::ParamSpec* Find(const Site& site, std::string_view name) {
  for (const nodes::ParamSpec& spec : site.params) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

bool IsWhole(const nodes::ParamSpec& spec) {
  return spec.type == nodes::ParamType::kInt || spec.type == nodes::ParamType::kInts;
}

v1::Value Number(const nodes::ParamSpec& spec, double value) {
  v1::Value out;
  if (IsWhole(spec)) {
    out.set_int_value(SaturatedInt64(value));
  } else {
    out.set_double_value(value);
  }
  return out;
}

// Every number in a text such as `1 to 5` or `at most 3`.
std::vector<double> NumbersIn(std::string_view text) {
  std::vector<double> out;
  for (size_t i = 0; i < text.size();) {
    const bool sign = text[i] == '-' && i + 1 < text.size();
    if (!std::isdigit(static_cast<unsigned char>(text[sign ? i + 1 : i]))) {
      ++i;
      continue;
    }
    double value = 0;
    const auto result = std::from_chars(text.data() + i, text.data() + text.size(), value);
    if (result.ec != std::errc()) break;
    out.push_back(value);
    i = static_cast<size_t>(result.ptr - text.data());
  }
  return out;
}

std::optional<v1::Value> ExampleValue(const Site& site, std::string_view name) {
  if (site.def == nullptr) return std::nullopt;
  for (const auto& [param, value] : site.def->example.params) {
    if (param == name) return nodes::ToValue(value);
  }
  return std::nullopt;
}

// Sizes that the consumers of the node ask for.
std::vector<int64_t> AskedFor(const Site& site) {
  std::vector<int64_t> out;
  for (const int consumer : site.view.Consumers(site.index)) {
    for (const char* name : {"in_features", "in_channels", "num_features", "num_channels",
                             "input_size", "embed_dim", "d_model", "normalized_shape"}) {
      const auto it = site.view.node(consumer).params().find(name);
      if (it != site.view.node(consumer).params().end() && it->second.int_value() > 0)
        out.push_back(it->second.int_value());
    }
    if (out.size() >= 4) break;
  }
  return out;
}

// Values that a whole number could have had, likely ones first.
void ProposeInt(const Site& site, const nodes::ParamSpec& spec, Proposals& out) {
  std::set<int64_t> done;
  const auto propose = [&](FixRank rank, int64_t value) {
    if (value < 0 || value >= kLargest || !done.insert(value).second) return;
    out.SetParam(rank, spec.name, IntValue(value));
  };
  const bool size = spec.name.find("out_") == 0 || spec.name.find("hidden") == 0 ||
                    spec.name == "embedding_dim" || spec.name == "planes";
  if (size) {
    for (const int64_t asked : AskedFor(site)) propose(kNatural, asked);
  }
  if (spec.name == "kernel_size") propose(kNatural, 3);
  if (const auto example = ExampleValue(site, spec.name); example && example->int_value() > 0)
    propose(size ? kForced : kNatural, example->int_value());
  for (const SiteInput& input : site.inputs) {
    if (!input.type) continue;
    for (const int d : {1, -1}) {
      if (input.type->rank() > 1 && input.type->dim(d).IsConst())
        propose(kPossible, input.type->dim(d).value());
    }
  }
  for (const int64_t small : {1, 0, 2}) propose(kForced, small);
}

void ProposeAny(const Site& site, const nodes::ParamSpec& spec, Proposals& out) {
  if (spec.type == nodes::ParamType::kInt || (IsWhole(spec) && spec.single_ok))
    ProposeInt(site, spec, out);
  if (const auto example = ExampleValue(site, spec.name))
    out.SetParam(kPossible, spec.name, *example);
  for (const std::string& choice : spec.choices) {
    v1::Value value;
    value.set_string_value(choice);
    out.SetParam(kForced, spec.name, value);
  }
  if (spec.type == nodes::ParamType::kFloat || spec.type == nodes::ParamType::kNumber) {
    for (const double value : {0.5, 1.0}) out.SetParam(kForced, spec.name, Number(spec, value));
  }
  if (spec.type == nodes::ParamType::kBool) {
    v1::Value value;
    value.set_bool_value(false);
    out.SetParam(kForced, spec.name, value);
  }
  if (spec.type != nodes::ParamType::kInts || site.inputs.empty() || !site.inputs[0].type) return;
  // Lists that every shape allows.
  std::vector<int64_t> all;
  for (int d = 0; d < site.inputs[0].type->rank(); ++d) all.push_back(d);
  out.SetParam(kForced, spec.name, IntsValue(all));
  out.SetParam(kForced, spec.name, IntsValue({-1}));
}

bool IsText(const v1::Value& value) { return value.kind_case() == v1::Value::kStringValue; }

// The likeliest choice or number that a value of another kind stands for.
std::optional<v1::Value> Converted(const nodes::ParamSpec& spec, const v1::Value& given) {
  v1::Value out;
  const bool number = IsWhole(spec) || spec.type == nodes::ParamType::kFloat ||
                      spec.type == nodes::ParamType::kFloats ||
                      spec.type == nodes::ParamType::kNumber;
  if (IsText(given)) {
    const std::string text = ToLowerAscii(given.string_value());
    if (number) {
      const std::vector<double> numbers = NumbersIn(text);
      if (numbers.size() == 1) return Number(spec, numbers[0]);
    }
    if (spec.type == nodes::ParamType::kBool) {
      if (text != "true" && text != "false") return std::nullopt;
      out.set_bool_value(text == "true");
      return out;
    }
    if (const auto near = NearestName(given.string_value(), spec.choices)) {
      out.set_string_value(*near);
      return out;
    }
    return std::nullopt;
  }
  if (given.has_list_value() && given.list_value().values_size() > 0)
    return given.list_value().values(0);
  if (given.kind_case() == v1::Value::kDoubleValue && number && given.double_value() < kLargest &&
      given.double_value() > -kLargest)
    return Number(spec, given.double_value());
  if (given.kind_case() == v1::Value::kBoolValue && number)
    return Number(spec, given.bool_value() ? 1 : 0);
  if (given.kind_case() == v1::Value::kIntValue && spec.type == nodes::ParamType::kBool) {
    out.set_bool_value(given.int_value() != 0);
    return out;
  }
  if (given.kind_case() == v1::Value::kIntValue && spec.type == nodes::ParamType::kInts)
    return IntsValue({given.int_value()});
  return std::nullopt;
}

// Another value for a parameter that is there: its default, or what a required one could be.
void Replace(const Site& site, const nodes::ParamSpec& spec, Proposals& out) {
  if (!spec.required) out.UnsetParam(kPossible, spec.name);
  ProposeAny(site, spec, out);
}

}  // namespace

void FixRange(const Site& site, Proposals& out) {
  const nodes::ParamSpec* spec = Find(site, site.diagnostic.param());
  if (spec == nullptr) {
    // The finding is about a port, but a parameter such as dim may be what is wrong.
    for (const char* name : {"dim", "dim0", "dim1", "start_dim", "end_dim", "index", "padding"}) {
      if (!site.node->params().contains(name)) continue;
      if ((spec = Find(site, name)) != nullptr) break;
    }
  }
  if (spec == nullptr || !site.node->params().contains(spec->name)) return;
  const v1::Value& given = site.node->params().at(spec->name);
  if (IsText(given)) {
    if (const auto near = NearestName(given.string_value(), spec->choices)) {
      v1::Value value;
      value.set_string_value(*near);
      out.SetParam(kExact, spec->name, value);
    }
  }
  std::vector<double> numbers = NumbersIn(site.diagnostic.expected());
  if (spec->minimum) numbers.push_back(*spec->minimum);
  if (spec->maximum) numbers.push_back(*spec->maximum);
  const double value = given.kind_case() == v1::Value::kIntValue
                           ? static_cast<double>(given.int_value())
                           : given.double_value();
  std::stable_sort(numbers.begin(), numbers.end(),
                   [&](double a, double b) { return std::abs(a - value) < std::abs(b - value); });
  const size_t count = std::min<size_t>(numbers.size(), 6);
  for (size_t i = 0; i < count; ++i) {
    if (!given.has_list_value()) {
      out.SetParam(kNatural, spec->name, Number(*spec, numbers[i]));
      continue;
    }
    // The item that is too small or too large.
    v1::Value list = given;
    for (v1::Value& item : *list.mutable_list_value()->mutable_values()) {
      const int64_t limit = SaturatedInt64(numbers[i]);
      if (limit >= 0 ? item.int_value() < 0 || item.int_value() > limit : item.int_value() < limit)
        item = IntValue(limit);
    }
    out.SetParam(kNatural, spec->name, list);
  }
  Replace(site, *spec, out);
}

void FixValueType(const Site& site, Proposals& out) {
  const nodes::ParamSpec* spec = Find(site, site.diagnostic.param());
  if (spec == nullptr || !site.node->params().contains(spec->name)) return;
  const v1::Value& given = site.node->params().at(spec->name);
  if (const auto value = Converted(*spec, given)) out.SetParam(kExact, spec->name, *value);
  // A list of another length.
  if (given.has_list_value() && spec->count > 0 && given.list_value().values_size() > 0) {
    v1::Value list = given;
    auto& values = *list.mutable_list_value()->mutable_values();
    while (values.size() > spec->count) values.RemoveLast();
    while (values.size() < spec->count) *values.Add() = given.list_value().values(0);
    out.SetParam(kNatural, spec->name, list);
  }
  Replace(site, *spec, out);
}

void FixHugeSize(const Site& site, Proposals& out) {
  constexpr int64_t kHuge = 100'000;
  for (const nodes::ParamSpec& spec : site.params) {
    if (site.IntParam(spec.name).value_or(0) >= kHuge) ProposeInt(site, spec, out);
  }
}

void FixMissingParam(const Site& site, Proposals& out) {
  const nodes::ParamSpec* spec = Find(site, site.diagnostic.param());
  if (spec == nullptr) return;
  // A parameter that the type does not know may be this one misspelt beyond recognition.
  for (const auto& [name, value] : site.node->params()) {
    if (Find(site, name) != nullptr) continue;
    v1::Fix& fix =
        out.Add(kExact, fmt::format("rename {} to {}", QuoteForMessage(name), spec->name));
    v1::UnsetParam& unset = *fix.add_edits()->mutable_unset_param();
    unset.set_node(site.node->id());
    unset.set_param(name);
    v1::SetParam& set = *fix.add_edits()->mutable_set_param();
    set.set_node(site.node->id());
    set.set_param(spec->name);
    *set.mutable_value() = value;
  }
  ProposeAny(site, *spec, out);
}

void FixUnknownParam(const Site& site, Proposals& out) {
  const std::string& found = site.diagnostic.param();
  const auto given = site.node->params().find(found);
  if (given == site.node->params().end()) return;
  std::vector<std::string> absent;
  for (const nodes::ParamSpec& spec : site.params) {
    if (!site.node->params().contains(spec.name)) absent.push_back(spec.name);
  }
  // What is missing comes first, then what sounds alike.
  std::vector<std::string> names;
  for (const nodes::ParamSpec& spec : site.params) {
    if (spec.required && !site.node->params().contains(spec.name)) names.push_back(spec.name);
  }
  const size_t required = names.size();
  if (const auto near = NearestName(found, absent)) names.push_back(*near);
  for (size_t i = 0; i < names.size(); ++i) {
    v1::Fix& fix = out.Add(i < required ? kExact : kMisspelt,
                           fmt::format("rename {} to {}", QuoteForMessage(found), names[i]));
    v1::UnsetParam& unset = *fix.add_edits()->mutable_unset_param();
    unset.set_node(site.node->id());
    unset.set_param(found);
    v1::SetParam& set = *fix.add_edits()->mutable_set_param();
    set.set_node(site.node->id());
    set.set_param(names[i]);
    *set.mutable_value() = given->second;
  }
  out.UnsetParam(kPossible, found);
}

void FixExpression(const Site& site, Proposals& out) {
  const auto given = site.node->params().find(site.diagnostic.param());
  if (given == site.node->params().end()) return;
  std::vector<std::string> names;
  for (const auto& [name, value] : site.view.graph().variables()) names.push_back(name);
  std::sort(names.begin(), names.end());
  if (given->second.kind_case() == v1::Value::kExpression) {
    // Each `$name` that is no variable becomes the nearest one.
    const std::string& text = given->second.expression();
    std::string mended;
    bool changed = false;
    for (size_t i = 0; i < text.size();) {
      mended += text[i];
      if (text[i++] != '$') continue;
      size_t end = i;
      while (end < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
        ++end;
      const std::string name = text.substr(i, end - i);
      const bool known = std::binary_search(names.begin(), names.end(), name);
      const auto near = known ? std::nullopt : NearestName(name, names);
      mended += near ? *near : name;
      changed |= near.has_value();
      i = end;
    }
    if (changed) {
      v1::Value value;
      value.set_expression(mended);
      out.SetParam(kMisspelt, given->first, value);
    }
  }
  const nodes::ParamSpec* spec = Find(site, given->first);
  if (spec == nullptr) return;
  // In a list of sizes, the one that cannot be computed may be the open one.
  if (given->second.has_list_value()) {
    for (const int64_t size : {-1, 1}) {
      v1::Value list = given->second;
      for (v1::Value& item : *list.mutable_list_value()->mutable_values()) {
        if (item.kind_case() == v1::Value::kExpression) item.set_int_value(size);
      }
      out.SetParam(kNatural, given->first, list);
    }
  }
  Replace(site, *spec, out);
}

}  // namespace graphkiln::compiler
