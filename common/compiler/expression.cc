#include "common/compiler/expression.h"

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/expression_values.h"
#include "common/nodes/param_spec.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

constexpr size_t kMaxText = 4096;
constexpr size_t kMaxValueBytes = 16 << 10;
// What one expression reads from variables, and one value from its expressions.
constexpr size_t kMaxReadBytes = 1 << 20;
constexpr int kMaxDepth = 64;

bool WordChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Parser {
 public:
  Parser(std::string_view text, const ExpressionScope& scope) : text_(text), scope_(scope) {}

  absl::StatusOr<v1::Value> Run() {
    ASSIGN_OR_RETURN(v1::Value value, Conditional(0));
    Skip();
    if (at_ != text_.size()) return Error("unexpected text");
    return value;
  }

 private:
  // While it stands, text is read without being evaluated: only its form can be wrong.
  class Skipping {
   public:
    Skipping(Parser& parser, bool on) : parser_(parser), before_(parser.skipped_) {
      parser_.skipped_ = before_ || on;
    }
    ~Skipping() { parser_.skipped_ = before_; }

   private:
    Parser& parser_;
    const bool before_;
  };

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        fmt::format("{} at character {} of {}", what, at_ + 1, QuoteForMessage(text_)));
  }
  void Skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool Eat(std::string_view token) {
    Skip();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  bool EatWord(std::string_view word) {
    Skip();
    if (text_.substr(at_, word.size()) != word) return false;
    const size_t end = at_ + word.size();
    if (end < text_.size() && WordChar(text_[end])) return false;
    at_ = end;
    return true;
  }
  std::string_view Word() {
    Skip();
    const size_t start = at_;
    while (at_ < text_.size() && WordChar(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  absl::StatusOr<v1::Value> Conditional(int depth) {
    if (depth > kMaxDepth) return Error("nested too deeply");
    const size_t start = at_;
    auto value = Or(depth);
    if (!value.ok()) {
      if (skipped_) return value;
      // It may stand before a condition that does not hold.
      at_ = start;
      const Skipping skipping(*this, true);
      if (!Or(depth).ok()) return value;
    }
    if (!EatWord("if")) return value;
    ASSIGN_OR_RETURN(const v1::Value condition, Or(depth));
    const bool holds = IsTrue(condition);
    if (!EatWord("else")) return Error("expected else");
    const Skipping skipping(*this, holds);
    auto other = Conditional(depth + 1);
    return holds && other.ok() ? value : other;
  }
  absl::StatusOr<v1::Value> Or(int depth) {
    ASSIGN_OR_RETURN(v1::Value value, And(depth));
    while (EatWord("or")) {
      const Skipping skipping(*this, IsTrue(value));
      ASSIGN_OR_RETURN(const v1::Value next, And(depth));
      value = Bool(IsTrue(value) || IsTrue(next));
    }
    return value;
  }
  absl::StatusOr<v1::Value> And(int depth) {
    ASSIGN_OR_RETURN(v1::Value value, Not(depth));
    while (EatWord("and")) {
      const Skipping skipping(*this, !IsTrue(value));
      ASSIGN_OR_RETURN(const v1::Value next, Not(depth));
      value = Bool(IsTrue(value) && IsTrue(next));
    }
    return value;
  }
  absl::StatusOr<v1::Value> Not(int depth) {
    bool negate = false;
    bool seen = false;
    while (EatWord("not")) {
      negate = !negate;
      seen = true;
    }
    ASSIGN_OR_RETURN(v1::Value value, Compare(depth));
    return seen ? Bool(IsTrue(value) != negate) : value;
  }
  absl::StatusOr<v1::Value> Compare(int depth) {
    ASSIGN_OR_RETURN(v1::Value left, Sum(depth));
    for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!Eat(op)) continue;
      ASSIGN_OR_RETURN(const v1::Value right, Sum(depth));
      if (skipped_) return left;
      if (op == "==") return Bool(Equal(left, right));
      if (op == "!=") return Bool(!Equal(left, right));
      if (!IsNumber(left) || !IsNumber(right)) return Error("only numbers can be ordered");
      const bool less = Less(left, right);
      const bool more = Less(right, left);
      const bool equal = Equal(left, right);  // none of the three for NaN
      return Bool(op == "<="   ? less || equal
                  : op == ">=" ? more || equal
                  : op == "<"  ? less
                               : more);
    }
    return left;
  }
  absl::StatusOr<v1::Value> Sum(int depth) {
    ASSIGN_OR_RETURN(v1::Value value, Product(depth));
    for (;;) {
      const bool plus = Eat("+");
      if (!plus && !Eat("-")) return value;
      ASSIGN_OR_RETURN(const v1::Value next, Product(depth));
      ASSIGN_OR_RETURN(value, Arithmetic(plus ? "+" : "-", value, next));
    }
  }
  absl::StatusOr<v1::Value> Product(int depth) {
    ASSIGN_OR_RETURN(v1::Value value, Unary(depth));
    for (;;) {
      std::string_view op;
      for (const std::string_view candidate : {"//", "*", "/", "%"}) {
        if (Eat(candidate)) {
          op = candidate;
          break;
        }
      }
      if (op.empty()) return value;
      ASSIGN_OR_RETURN(const v1::Value next, Unary(depth));
      ASSIGN_OR_RETURN(value, Arithmetic(op, value, next));
    }
  }
  absl::StatusOr<v1::Value> Arithmetic(std::string_view op, const v1::Value& a,
                                       const v1::Value& b) {
    if (skipped_) return a;
    auto value = Calculate(op, a, b);
    if (!value.ok()) return Error(std::string(value.status().message()));
    return value;
  }
  absl::StatusOr<v1::Value> Unary(int depth) {
    bool negative = false;
    while (Eat("-")) negative = !negative;
    ASSIGN_OR_RETURN(v1::Value value, Postfix(depth));
    if (!negative) return value;
    return Arithmetic("-", Int(0), value);
  }
  absl::StatusOr<v1::Value> Postfix(int depth) {
    ASSIGN_OR_RETURN(v1::Value value, Primary(depth));
    while (Eat("[")) {
      ASSIGN_OR_RETURN(const v1::Value index, Conditional(depth + 1));
      if (!Eat("]")) return Error("missing ]");
      if (skipped_) continue;
      if (value.kind_case() != v1::Value::kListValue || !IsInt(index))
        return Error("only lists have items");
      const int n = value.list_value().values_size();
      int64_t i = AsInt(index);
      if (i < 0) i += n;
      if (i < 0 || i >= n) return Error(fmt::format("item {} of {}", AsInt(index), n));
      v1::Value item = value.list_value().values(static_cast<int>(i));
      value = std::move(item);
    }
    return value;
  }
  absl::StatusOr<v1::Value> Number() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.' ||
            ((text_[at_] == 'e' || text_[at_] == 'E') && at_ > start) ||
            ((text_[at_] == '-' || text_[at_] == '+') && at_ > start &&
             (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))) {
      ++at_;
    }
    const std::string digits(text_.substr(start, at_ - start));
    char* end = nullptr;
    if (digits.find_first_of(".eE") == std::string::npos) {
      errno = 0;
      const int64_t v = std::strtoll(digits.c_str(), &end, 10);
      if (errno == ERANGE) return Error("the number is too large");
      return Int(v);
    }
    const double v = std::strtod(digits.c_str(), &end);
    if (end != digits.c_str() + digits.size()) return Error("malformed number");
    return Real(v);
  }
  absl::StatusOr<v1::Value> List(int depth, std::string_view close) {
    v1::Value list;
    list.mutable_list_value();
    while (!Eat(close)) {
      if (list.list_value().values_size() > 0 && !Eat(",")) return Error("expected a comma");
      ASSIGN_OR_RETURN(*list.mutable_list_value()->add_values(), Conditional(depth + 1));
    }
    return list;
  }
  absl::StatusOr<v1::Value> Primary(int depth) {
    if (depth > kMaxDepth) return Error("nested too deeply");
    Skip();
    if (at_ >= text_.size()) return Error("expected a value");
    const char c = text_[at_];
    if (std::isdigit(static_cast<unsigned char>(c))) return Number();
    if (Eat("(")) {
      ASSIGN_OR_RETURN(v1::Value value, Conditional(depth + 1));
      if (!Eat(")")) return Error("missing )");
      return value;
    }
    if (Eat("[")) return List(depth, "]");
    if (c == '\'' || c == '"') {
      const size_t end = text_.find(c, at_ + 1);
      if (end == std::string_view::npos) return Error("text without an end");
      v1::Value value;
      value.set_string_value(std::string(text_.substr(at_ + 1, end - at_ - 1)));
      at_ = end + 1;
      return value;
    }
    const size_t start = at_;
    if (Eat("$")) {
      const std::string_view name = Word();
      if (skipped_) return Int(0);
      const std::optional<v1::Value> value = scope_.Variable(name);
      if (value) {
        read_ += value->ByteSizeLong();
        if (read_ > kMaxReadBytes) return Error("the variables are too large");
        return *value;
      }
      at_ = start;
      return Error(fmt::format("${} is no variable, or one without a value", name));
    }
    const std::string_view word = Word();
    if (word.empty()) return Error("expected a value");
    if (word == "true" || word == "True") return Bool(true);
    if (word == "false" || word == "False") return Bool(false);
    if (word == "null" || word == "None") {
      v1::Value value;
      value.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      return value;
    }
    if (Eat(".")) return Property(word, depth);
    if (Eat("(")) return Function(word, depth);
    return Error(fmt::format("unknown word {}", word));
  }
  absl::StatusOr<v1::Value> Property(std::string_view port, int depth) {
    const std::string_view property = Word();
    if (skipped_ && (property == "rank" || property == "present")) return Int(0);
    if (property == "rank") {
      const auto rank = scope_.InputRank(port);
      if (!rank) return Error(fmt::format("there is no input {}", port));
      return Int(*rank);
    }
    if (property == "present") {
      const auto present = scope_.InputPresent(port);
      if (!present) return Error(fmt::format("there is no input {}", port));
      return Bool(*present);
    }
    if (property != "dim" || !Eat("(")) return Error("an input has .dim(i), .rank and .present");
    ASSIGN_OR_RETURN(const v1::Value args, List(depth, ")"));
    if (skipped_) return Int(0);
    if (args.list_value().values_size() != 1 || !IsInt(args.list_value().values(0))) {
      return Error("dim takes one number");
    }
    const auto size = scope_.InputDim(port, AsInt(args.list_value().values(0)));
    if (!size)
      return Error(fmt::format("input {} has no fixed size in dimension {}", port,
                               AsInt(args.list_value().values(0))));
    return *size;
  }
  absl::StatusOr<v1::Value> Function(std::string_view name, int depth) {
    ASSIGN_OR_RETURN(v1::Value args, List(depth, ")"));
    if (skipped_) return Int(0);
    std::vector<v1::Value> values(args.list_value().values().begin(),
                                  args.list_value().values().end());
    if (name == "len" && values.size() == 1 && values[0].kind_case() == v1::Value::kListValue) {
      return Int(values[0].list_value().values_size());
    }
    if (name == "int" && values.size() == 1 && IsNumber(values[0])) {
      const double v = AsReal(values[0]);
      if (!(std::fabs(v) < 9e15)) return Error("the number is too large");
      return IsInt(values[0]) ? Int(AsInt(values[0])) : Int(static_cast<int64_t>(v));
    }
    if ((name == "min" || name == "max") && !values.empty()) {
      v1::Value best = values[0];
      for (const v1::Value& value : values) {
        if (!IsNumber(value)) return Error("min and max take numbers");
        if (name == "min" ? Less(value, best) : Less(best, value)) best = value;
      }
      return best;
    }
    return Error(fmt::format("unknown function {} with {} arguments", name, values.size()));
  }

  std::string_view text_;
  const ExpressionScope& scope_;
  size_t at_ = 0;
  size_t read_ = 0;  // bytes of variables
  bool skipped_ = false;
};

}  // namespace

absl::StatusOr<v1::Value> Evaluate(std::string_view text, const ExpressionScope& scope) {
  if (text.size() > kMaxText)
    return absl::InvalidArgumentError("an expression has at most 4,096 characters");
  auto value = Parser(text, scope).Run();
  // Values that hold each other twice over and over would otherwise double without end.
  if (value.ok() && value->ByteSizeLong() > kMaxValueBytes)
    return absl::InvalidArgumentError("the value of an expression takes at most 16 KiB");
  return value;
}

void VariablesIn(std::string_view text, StringSet* names) {
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\'' || c == '"') {  // text of its own
      const size_t end = text.find(c, at + 1);
      if (end == std::string_view::npos) return;
      at = end;
    } else if (c == '$') {
      size_t end = at + 1;
      while (end < text.size() && WordChar(text[end])) ++end;
      names->emplace(text.substr(at + 1, end - at - 1));
      at = end - 1;
    }
  }
}

bool IsTrue(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      return value.bool_value();
    case v1::Value::kIntValue:
      return value.int_value() != 0;
    case v1::Value::kDoubleValue:
      return value.double_value() != 0;
    case v1::Value::kStringValue:
      return !value.string_value().empty();
    case v1::Value::kListValue:
      return value.list_value().values_size() > 0;
    case v1::Value::kMapValue:
      return value.map_value().fields_size() > 0;
    default:
      return false;
  }
}

absl::StatusOr<std::string> Interpolate(std::string_view text, const ExpressionScope& scope) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find('{');
    if (open == std::string_view::npos) break;
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) return absl::InvalidArgumentError("{ without }");
    out += text.substr(0, open);
    ASSIGN_OR_RETURN(const v1::Value value,
                     Evaluate(text.substr(open + 1, close - open - 1), scope));
    out += value.kind_case() == v1::Value::kStringValue ? value.string_value()
                                                        : nodes::ValueText(value);
    if (out.size() > kMaxReadBytes) return absl::InvalidArgumentError("the text is too long");
    text.remove_prefix(close + 1);
  }
  return out + std::string(text);
}

std::map<std::string_view, v1::Value*> InOrder(google::protobuf::Map<std::string, v1::Value>& map) {
  std::map<std::string_view, v1::Value*> entries;
  for (auto& [name, value] : map) entries.emplace(name, &value);
  return entries;
}

absl::StatusOr<v1::Value> EvaluateAll(const v1::Value& value, const ExpressionScope& scope) {
  if (value.kind_case() == v1::Value::kExpression) return Evaluate(value.expression(), scope);
  if (value.kind_case() == v1::Value::kListValue) {
    v1::Value out;
    out.mutable_list_value();
    // The readers bound the depth of values to 64.
    size_t made = 0;
    for (const v1::Value& item : value.list_value().values()) {
      v1::Value& added = *out.mutable_list_value()->add_values();
      ASSIGN_OR_RETURN(added, EvaluateAll(item, scope));
      if (item.kind_case() == v1::Value::kExpression) made += added.ByteSizeLong();
      if (made > kMaxReadBytes)
        return absl::InvalidArgumentError("the values of a list take at most 1 MiB");
    }
    return out;
  }
  return value;
}

}  // namespace graphkiln::compiler
