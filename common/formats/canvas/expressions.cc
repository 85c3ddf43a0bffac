#include "common/formats/canvas/expressions.h"

#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::formats::canvas {
namespace {

enum class Kind { kClock, kText, kNumber, kSteps };

struct Key {
  std::string_view name;
  Kind kind;
  bool required;
};

struct Form {
  std::string_view type;
  std::vector<Key> keys;
};

const std::vector<Form>& Forms() {
  static const auto* const kForms = new std::vector<Form>{
      {"periodic", {{"period", Kind::kSteps, true}, {"domain", Kind::kText, false}}},
      {"on_event",
       {{"source", Kind::kText, true},
        {"gt", Kind::kNumber, false},
        {"lt", Kind::kNumber, false},
        {"domain", Kind::kText, false}}},
      {"boundary_expr", {{"name", Kind::kText, true}}},
      {"and", {{"left", Kind::kClock, true}, {"right", Kind::kClock, true}}},
      {"or", {{"left", Kind::kClock, true}, {"right", Kind::kClock, true}}},
      {"not", {{"child", Kind::kClock, true}}},
      {"cooldown", {{"child", Kind::kClock, true}, {"steps", Kind::kSteps, false}}},
      {"max_silence", {{"child", Kind::kClock, true}, {"steps", Kind::kSteps, false}}}};
  return *kForms;
}

bool HasKind(const TextNode& node, Kind kind) {
  switch (kind) {
    case Kind::kClock:
      return node.IsMap();
    case Kind::kText:
      return node.IsString();
    case Kind::kNumber:
      return node.IsNumber();
    case Kind::kSteps:
      return node.IsInt();
  }
  return false;
}

std::string_view KindText(Kind kind) {
  switch (kind) {
    case Kind::kClock:
      return "a clock expression";
    case Kind::kText:
      return "a text";
    case Kind::kNumber:
      return "a number";
    case Kind::kSteps:
      return "a whole number";
  }
  return "";
}

bool IsNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsClause(std::string_view clause) {
  for (const std::string_view op : {"<=", ">=", "==", "!=", "<", ">"}) {
    const size_t at = clause.find(op);
    if (at == std::string_view::npos) continue;
    const std::string_view left = TrimView(clause.substr(0, at));
    const size_t dot = left.rfind('.');
    return dot != std::string_view::npos && dot > 0 && dot + 1 < left.size() &&
           IsNumber(TrimView(clause.substr(at + op.size())));
  }
  return false;
}

}  // namespace

void CheckClock(const TextNode& expression, const Place& place) {
  // What is still to be looked at; the text reader bounds the depth of the file.
  std::vector<std::pair<const TextNode*, Place>> open = {{&expression, place}};
  while (!open.empty()) {
    const TextNode& node = *open.back().first;
    const Place at = open.back().second;
    open.pop_back();
    const TextNode* type = node.Find("type");
    const Form* form = nullptr;
    std::vector<std::string> names;
    for (const Form& candidate : Forms()) {
      names.emplace_back(candidate.type);
      if (type != nullptr && type->IsString() && type->s == candidate.type) form = &candidate;
    }
    if (form == nullptr) {
      v1::Diagnostic& diagnostic = at.Error("PARAM_RANGE", type != nullptr ? *type : node,
                                            "a clock expression has a type that is known");
      diagnostic.set_expected(fmt::format("{}", fmt::join(names, ", ")));
      continue;
    }
    for (const Key& key : form->keys) {
      const TextNode* value = node.Find(key.name);
      if (value == nullptr) {
        if (key.required)
          at.Error("MISSING_KEY", node, fmt::format("{} needs the key {}", form->type, key.name))
              .set_expected(std::string(key.name));
      } else if (!HasKind(*value, key.kind)) {
        at.At(key.name)
            .Error("PARAM_TYPE", *value, fmt::format("{} is expected", KindText(key.kind)))
            .set_expected(std::string(KindText(key.kind)));
      } else if (key.kind == Kind::kClock) {
        open.emplace_back(value, at.At(key.name));
      }
    }
    if (form->type == "on_event" && node.Find("gt") == nullptr && node.Find("lt") == nullptr) {
      at.Error("MISSING_KEY", node, "on_event needs a bound").set_expected("gt, lt or both");
    }
  }
}

bool IsTrigger(std::string_view text) {
  if (TrimView(text).empty()) return true;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find("&&", start), text.size());
    if (!IsClause(TrimView(text.substr(start, end - start)))) return false;
    start = end + 2;
  }
  return true;
}

}  // namespace graphkiln::formats::canvas
