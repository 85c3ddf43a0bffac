// A tensor size: a number, a symbol such as `B`, or integer arithmetic on symbols such as
// `(T+3)//2`.
//
// Expressions are kept in one canonical form (a polynomial whose atoms are symbols and floor
// divisions), so that two sizes that are equal by algebra compare equal. Arithmetic saturates
// instead of overflowing; the type checker refuses sizes that large. Immutable; safe to share
// between threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace graphkiln::ir {

class Dim {
 public:
  Dim(int64_t value = 0)
      : value_(value) {}  // NOLINT: sizes are written as plain numbers everywhere
  static Dim Symbol(std::string_view name);
  // Reads `+ - * //`, parentheses, numbers and symbols; at most 1,024 characters and 32 levels.
  static absl::StatusOr<Dim> Parse(std::string_view text);

  bool IsConst() const { return expr_ == nullptr; }
  // REQUIRES: IsConst().
  int64_t value() const { return value_; }
  bool IsConst(int64_t v) const { return IsConst() && value_ == v; }
  // True where the size is the bare symbol (no arithmetic).
  bool IsSymbol() const;

  std::string ToString() const;
  using SymbolValue = std::function<std::optional<int64_t>(std::string_view)>;
  // Value with symbols replaced; an unknown symbol is an error, as is a division by zero.
  absl::StatusOr<int64_t> Evaluate(const SymbolValue& symbol) const;
  // The smallest value where every symbol is 1 or more; nothing where none is certain.
  std::optional<int64_t> LowerBound() const;
  // Turns `*this >= *least` into the same statement about as small a part of the size as possible:
  // 2*((T-3)//2)+4 >= 5 becomes T >= 5. REQUIRES: open.
  void Isolate(int64_t* least);
  // Calls `visit` for each symbol in the expression (repeats possible).
  void VisitSymbols(const std::function<void(std::string_view)>& visit) const;

  friend bool operator==(const Dim& a, const Dim& b);
  friend bool operator!=(const Dim& a, const Dim& b) { return !(a == b); }
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);

  // floor(a / divisor). REQUIRES: divisor > 0.
  Dim FloorDiv(int64_t divisor) const;
  // ceil(a / divisor). REQUIRES: divisor > 0.
  Dim CeilDiv(int64_t divisor) const;
  // a / b where that is provably a whole number for all symbols, else nothing.
  std::optional<Dim> DivideExact(const Dim& b) const;

  // Where arithmetic ends instead of overflowing.
  static constexpr int64_t kSaturated = int64_t{1} << 62;

 private:
  struct Atom;
  struct Term;
  struct Expr;
  explicit Dim(std::shared_ptr<const Expr> expr) : expr_(std::move(expr)) {}
  static Dim FromTerms(std::vector<Term> terms);
  static std::vector<Term> TermsOf(const Dim& dim);
  friend class DimParser;

  int64_t value_ = 0;
  std::shared_ptr<const Expr> expr_;  // null for plain numbers
};

}  // namespace graphkiln::ir
