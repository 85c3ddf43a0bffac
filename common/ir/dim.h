// A tensor size: a number, a symbol such as `B`, or integer arithmetic on symbols such as
// `(T+3)//2`.
//
// Expressions are kept in one canonical form (a polynomial whose atoms are symbols and floor
// divisions), so that two sizes that are equal by algebra compare equal. Arithmetic saturates
// instead of overflowing; the type checker refuses sizes that large. Immutable; safe to share
// between threads.
//
// Every value of a large graph has several: a size is one word, a number or a pointer to its
// expression.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"

namespace graphkiln::ir {

class Dim {
 public:
  // NOLINTNEXTLINE: sizes are written as plain numbers everywhere
  Dim(int64_t value = 0) : bits_(Bits(value)) {}
  Dim(const Dim& other) : bits_(other.bits_) {
    if (!IsConst()) Keep();
  }
  Dim(Dim&& other) noexcept : bits_(std::exchange(other.bits_, Bits(0))) {}
  Dim& operator=(Dim other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~Dim() {
    if (!IsConst()) Release();
  }
  static Dim Symbol(std::string_view name);
  // Reads `+ - * //`, parentheses, numbers and symbols; at most kMostText characters and 32 levels.
  static absl::StatusOr<Dim> Parse(std::string_view text);

  bool IsConst() const { return (bits_ & 1) != 0; }
  // REQUIRES: IsConst().
  int64_t value() const { return static_cast<int64_t>(bits_) >> 1; }
  bool IsConst(int64_t v) const { return IsConst() && value() == v; }
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

  // What a longer or deeper expression becomes is kSaturated, as a number too large is: no walk
  // over sizes is deeper than this, and all that is written can be read.
  static constexpr size_t kMostText = 4096;
  static constexpr size_t kMostTerms = 256;
  static constexpr int kMostDivisions = 16;  // inside each other
  // About how much memory it takes: 1 for a number.
  int64_t Weight() const;

  // Where arithmetic ends instead of overflowing, and stays; also what a larger number becomes.
  static constexpr int64_t kSaturated = (int64_t{1} << 62) - 1;
  // True for either sign.
  bool IsSaturated() const { return IsConst(kSaturated) || IsConst(-kSaturated); }

 private:
  struct Atom;
  struct Term;
  struct Expr;
  explicit Dim(std::unique_ptr<const Expr> expr)
      : bits_(reinterpret_cast<uintptr_t>(expr.release())) {}
  // A number stands above a set lowest bit, which pointers do not have.
  static constexpr uint64_t Bits(int64_t value) {
    return static_cast<uint64_t>(std::clamp(value, -kSaturated, kSaturated)) << 1 | 1;
  }
  // REQUIRES: !IsConst().
  const Expr* expr() const { return reinterpret_cast<const Expr*>(bits_); }
  void Keep() const;
  void Release() const;
  static Dim FromTerms(std::vector<Term> terms);
  static std::vector<Term> TermsOf(const Dim& dim);

  uint64_t bits_;
};

// Nearly always of four dimensions or less: kept in place.
using Shape = absl::InlinedVector<Dim, 4>;

}  // namespace graphkiln::ir
