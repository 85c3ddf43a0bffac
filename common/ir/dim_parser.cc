// Sizes as text; called by whoever reads types.
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "common/ir/dim.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

constexpr int kMaxDepth = 32;
// Each division inside of another is up to two levels of parentheses: all that Dim writes is read.
static_assert(2 * Dim::kMostDivisions <= kMaxDepth);

// Recursive descent with a depth limit: sum = product {(+|-) product}, product = unary {(*|//)
// unary}.
class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  absl::StatusOr<Dim> Run() {
    ASSIGN_OR_RETURN(Dim dim, Sum(0));
    Skip();
    if (at_ != text_.size()) return Error("unexpected character");
    return dim;
  }

 private:
  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        fmt::format("size expression: {} at character {}", what, at_ + 1));
  }
  void Skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool Eat(std::string_view token) {
    Skip();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  absl::StatusOr<Dim> Sum(int depth) {
    if (depth > kMaxDepth) return Error("nested too deeply");
    ASSIGN_OR_RETURN(Dim sum, Product(depth));
    for (;;) {
      if (Eat("+")) {
        ASSIGN_OR_RETURN(const Dim next, Product(depth));
        sum = sum + next;
      } else if (Eat("-")) {
        ASSIGN_OR_RETURN(const Dim next, Product(depth));
        sum = sum - next;
      } else {
        return sum;
      }
    }
  }
  absl::StatusOr<Dim> Product(int depth) {
    ASSIGN_OR_RETURN(Dim product, Unary(depth));
    for (;;) {
      if (Eat("//")) {
        ASSIGN_OR_RETURN(const Dim by, Unary(depth));
        if (!by.IsConst() || by.value() <= 0) return Error("divisor must be a positive number");
        product = product.FloorDiv(by.value());
      } else if (Eat("*")) {
        ASSIGN_OR_RETURN(const Dim next, Unary(depth));
        product = product * next;
      } else {
        return product;
      }
    }
  }
  absl::StatusOr<Dim> Unary(int depth) {
    if (Eat("-")) {
      if (depth > kMaxDepth) return Error("nested too deeply");
      ASSIGN_OR_RETURN(const Dim dim, Unary(depth + 1));
      return dim * Dim(-1);
    }
    if (Eat("(")) {
      ASSIGN_OR_RETURN(const Dim dim, Sum(depth + 1));
      if (!Eat(")")) return Error("missing )");
      return dim;
    }
    Skip();
    const size_t start = at_;
    const auto is_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    };
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word.empty()) return Error("expected a number or a symbol");
    if (!std::isdigit(static_cast<unsigned char>(word[0]))) return Dim::Symbol(word);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (end != word.data() + word.size()) return Error("malformed number");
    return error == std::errc::result_out_of_range ? Dim(Dim::kSaturated) : Dim(value);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<Dim> Dim::Parse(std::string_view text) {
  if (text.size() > kMostText) {
    return absl::InvalidArgumentError(
        fmt::format("size expression is longer than {} characters", kMostText));
  }
  return DimParser(text).Run();
}

}  // namespace graphkiln::ir
