#include "common/ir/dim.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

int64_t Clamp(__int128 v) {
  if (v > Dim::kSaturated) return Dim::kSaturated;
  if (v < -Dim::kSaturated) return -Dim::kSaturated;
  return static_cast<int64_t>(v);
}
int64_t SatAdd(int64_t a, int64_t b) { return Clamp(static_cast<__int128>(a) + b); }
int64_t SatMul(int64_t a, int64_t b) { return Clamp(static_cast<__int128>(a) * b); }

int64_t FloorDivInt(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

}  // namespace

// A symbol, or a floor division by a positive number.
struct Dim::Atom {
  std::string text;  // canonical, the identity of the atom
  std::optional<Dim> numerator;
  int64_t divisor = 1;
  int divisions = 0;  // inside each other, this one included
};

// coefficient * product of atoms; the atoms are sorted by text.
struct Dim::Term {
  int64_t coefficient = 0;
  std::vector<std::shared_ptr<const Atom>> atoms;

  std::string Key() const {
    std::string key;
    for (const auto& atom : atoms) {
      if (!key.empty()) key += '*';
      key += atom->text;
    }
    return key;
  }
};

struct Dim::Expr {
  mutable std::atomic<int> uses{1};
  std::vector<Term> terms;  // sorted by key, constant last, no zero coefficients
  std::string text;
};

void Dim::Keep() const { expr()->uses.fetch_add(1, std::memory_order_relaxed); }

void Dim::Release() const {
  if (expr()->uses.fetch_sub(1, std::memory_order_acq_rel) == 1) delete expr();
}

Dim Dim::Symbol(std::string_view name) {
  Term term;
  term.coefficient = 1;
  auto atom = std::make_shared<Atom>();
  atom->text = std::string(name);
  term.atoms.push_back(std::move(atom));
  return FromTerms({std::move(term)});
}

std::vector<Dim::Term> Dim::TermsOf(const Dim& dim) {
  if (!dim.IsConst()) return dim.expr()->terms;
  if (dim.value() == 0) return {};
  Term term;
  term.coefficient = dim.value();
  return {std::move(term)};
}

Dim Dim::FromTerms(std::vector<Term> terms) {
  std::vector<std::pair<std::string, Term>> keyed;
  keyed.reserve(terms.size());
  for (Term& term : terms) {
    std::string key = term.Key();
    keyed.emplace_back(std::move(key), std::move(term));
  }
  // Constants (empty key) come last; all others in order of text.
  std::sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) {
    if (a.first.empty() != b.first.empty()) return b.first.empty();
    return a.first < b.first;
  });
  auto expr = std::make_unique<Expr>();
  for (size_t i = 0; i < keyed.size();) {
    int64_t sum = 0;
    size_t j = i;
    for (; j < keyed.size() && keyed[j].first == keyed[i].first; ++j) {
      sum = SatAdd(sum, keyed[j].second.coefficient);
    }
    if (sum == kSaturated || sum == -kSaturated) return Dim(sum);
    if (sum != 0) {
      Term term = std::move(keyed[i].second);
      term.coefficient = sum;
      expr->terms.push_back(std::move(term));
    }
    i = j;
  }
  if (expr->terms.empty()) return Dim(0);
  if (expr->terms.size() == 1 && expr->terms[0].atoms.empty()) {
    return Dim(expr->terms[0].coefficient);
  }
  if (expr->terms.size() > kMostTerms) return Dim(kSaturated);
  for (const Term& term : expr->terms) {
    const std::string key = term.Key();
    if (expr->text.size() + key.size() > kMostText) return Dim(kSaturated);
    if (key.empty()) {
      expr->text += fmt::format("{}{}", term.coefficient < 0 ? "" : "+", term.coefficient);
      continue;
    }
    const int64_t c = term.coefficient;
    if (!expr->text.empty() && c > 0) expr->text += '+';
    if (c == -1) {
      expr->text += '-';
    } else if (c != 1) {
      expr->text += fmt::format("{}*", c);
    }
    expr->text += key;
  }
  if (expr->text.size() > kMostText) return Dim(kSaturated);
  return Dim(std::unique_ptr<const Expr>(std::move(expr)));
}

bool Dim::IsSymbol() const {
  return !IsConst() && expr()->terms.size() == 1 && expr()->terms[0].coefficient == 1 &&
         expr()->terms[0].atoms.size() == 1 && !expr()->terms[0].atoms[0]->numerator.has_value();
}

int64_t Dim::Weight() const {
  constexpr size_t kPerUnit = 16;
  return IsConst() ? 1 : 1 + static_cast<int64_t>(expr()->text.size() / kPerUnit);
}

std::string Dim::ToString() const {
  if (IsConst()) return fmt::format("{}", value());
  // A division alone needs no parentheses around it.
  const bool division = expr()->terms.size() == 1 && expr()->terms[0].coefficient == 1 &&
                        expr()->terms[0].atoms.size() == 1 &&
                        expr()->terms[0].atoms[0]->numerator.has_value();
  return division ? expr()->text.substr(1, expr()->text.size() - 2) : expr()->text;
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.bits_ == b.bits_) return true;
  return !a.IsConst() && !b.IsConst() && a.expr()->text == b.expr()->text;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.IsSaturated()) return a;
  if (b.IsSaturated()) return b;
  if (a.IsConst() && b.IsConst()) return Dim(SatAdd(a.value(), b.value()));
  std::vector<Dim::Term> terms = Dim::TermsOf(a);
  std::vector<Dim::Term> more = Dim::TermsOf(b);
  terms.insert(terms.end(), more.begin(), more.end());
  return Dim::FromTerms(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.IsConst() && b.IsConst()) return Dim(SatMul(a.value(), b.value()));
  const std::vector<Dim::Term> left = Dim::TermsOf(a);
  const std::vector<Dim::Term> right = Dim::TermsOf(b);
  if (left.size() * right.size() > Dim::kMostTerms) return Dim(Dim::kSaturated);
  std::vector<Dim::Term> terms;
  for (const Dim::Term& x : left) {
    for (const Dim::Term& y : right) {
      Dim::Term term;
      term.coefficient = SatMul(x.coefficient, y.coefficient);
      term.atoms = x.atoms;
      term.atoms.insert(term.atoms.end(), y.atoms.begin(), y.atoms.end());
      std::sort(term.atoms.begin(), term.atoms.end(),
                [](const auto& p, const auto& q) { return p->text < q->text; });
      terms.push_back(std::move(term));
    }
  }
  return Dim::FromTerms(std::move(terms));
}

Dim Dim::FloorDiv(int64_t divisor) const {
  if (IsSaturated() || divisor == 1) return *this;
  if (IsConst()) return Dim(FloorDivInt(value(), divisor));
  // floor((q*d + r) / d) = q + floor(r / d): take out every term that d divides.
  std::vector<Term> quotient;
  std::vector<Term> rest;
  for (const Term& term : expr()->terms) {
    const int64_t q = FloorDivInt(term.coefficient, divisor);
    const int64_t r = term.coefficient - q * divisor;
    Term whole = term;
    whole.coefficient = q;
    if (q != 0 && (r == 0 || term.atoms.empty())) quotient.push_back(std::move(whole));
    Term left = term;
    left.coefficient = term.atoms.empty() ? r : (r == 0 ? 0 : term.coefficient);
    if (left.coefficient != 0) rest.push_back(std::move(left));
  }
  const Dim whole = FromTerms(std::move(quotient));
  const Dim remainder = FromTerms(std::move(rest));
  if (remainder.IsConst()) return whole + Dim(FloorDivInt(remainder.value(), divisor));
  // floor((floor(x/a) + c) / b) = floor((x + c*a) / (a*b)).
  const std::vector<Term>& terms = remainder.expr()->terms;
  if (terms[0].coefficient == 1 && terms[0].atoms.size() == 1 &&
      terms[0].atoms[0]->numerator.has_value() &&
      (terms.size() == 1 || (terms.size() == 2 && terms[1].atoms.empty()))) {
    const Atom& inner = *terms[0].atoms[0];
    const int64_t c = terms.size() == 2 ? terms[1].coefficient : 0;
    const Dim numerator = *inner.numerator + Dim(SatMul(c, inner.divisor));
    return whole + numerator.FloorDiv(SatMul(inner.divisor, divisor));
  }
  auto atom = std::make_shared<Atom>();
  for (const Term& term : terms) {
    for (const auto& inner : term.atoms)
      atom->divisions = std::max(atom->divisions, inner->divisions);
  }
  if (++atom->divisions > kMostDivisions) return Dim(kSaturated);
  atom->numerator = remainder;
  atom->divisor = divisor;
  const std::string inner = remainder.ToString();
  atom->text = remainder.IsSymbol() ? fmt::format("({}//{})", inner, divisor)
                                    : fmt::format("(({})//{})", inner, divisor);
  Term term;
  term.coefficient = 1;
  term.atoms.push_back(std::move(atom));
  return whole + FromTerms({std::move(term)});
}

Dim Dim::CeilDiv(int64_t divisor) const { return (*this + Dim(divisor - 1)).FloorDiv(divisor); }

std::optional<Dim> Dim::DivideExact(const Dim& b) const {
  if (IsSaturated() || b.IsSaturated()) return std::nullopt;
  if (*this == b && !(b.IsConst(0))) return Dim(1);
  if (b.IsConst()) {
    if (b.value() == 0) return std::nullopt;
    std::vector<Term> terms = TermsOf(*this);
    for (Term& term : terms) {
      if (term.coefficient % b.value() != 0) return std::nullopt;
      term.coefficient /= b.value();
    }
    return FromTerms(std::move(terms));
  }
  if (b.expr()->terms.size() != 1) return std::nullopt;
  const Term& by = b.expr()->terms[0];
  std::vector<Term> terms = TermsOf(*this);
  for (Term& term : terms) {
    if (term.coefficient % by.coefficient != 0) return std::nullopt;
    term.coefficient /= by.coefficient;
    for (const auto& atom : by.atoms) {
      auto it = std::find_if(term.atoms.begin(), term.atoms.end(),
                             [&](const auto& a) { return a->text == atom->text; });
      if (it == term.atoms.end()) return std::nullopt;
      term.atoms.erase(it);
    }
  }
  return FromTerms(std::move(terms));
}

absl::StatusOr<int64_t> Dim::Evaluate(const SymbolValue& symbol) const {
  if (IsConst()) return value();
  int64_t sum = 0;
  for (const Term& term : expr()->terms) {
    int64_t product = term.coefficient;
    for (const auto& atom : term.atoms) {
      int64_t factor = 0;
      if (atom->numerator.has_value()) {
        // At most kMostDivisions deep.
        ASSIGN_OR_RETURN(const int64_t n, atom->numerator->Evaluate(symbol));
        factor = FloorDivInt(n, atom->divisor);
      } else {
        const std::optional<int64_t> value = symbol(atom->text);
        if (!value.has_value()) {
          return absl::InvalidArgumentError(fmt::format("size symbol {} has no value", atom->text));
        }
        factor = *value;
      }
      product = SatMul(product, factor);
    }
    sum = SatAdd(sum, product);
  }
  return sum;
}

std::optional<int64_t> Dim::LowerBound() const {
  if (IsConst()) return value();
  int64_t sum = 0;
  for (const Term& term : expr()->terms) {
    int64_t product = term.coefficient;
    // What is taken away has no upper bound.
    if (product < 0 && !term.atoms.empty()) return std::nullopt;
    for (const auto& atom : term.atoms) {
      int64_t factor = 1;
      if (atom->numerator.has_value()) {
        const std::optional<int64_t> numerator = atom->numerator->LowerBound();
        if (!numerator) return std::nullopt;
        factor = FloorDivInt(*numerator, atom->divisor);
        if (factor < 0) return std::nullopt;
      }
      product = SatMul(product, factor);
    }
    sum = SatAdd(sum, product);
  }
  return sum;
}

void Dim::Isolate(int64_t* least) {
  for (;;) {
    const std::vector<Term>& terms = expr()->terms;
    const int64_t constant = terms.back().atoms.empty() ? terms.back().coefficient : 0;
    const size_t open = terms.size() - (terms.back().atoms.empty() ? 1 : 0);
    const bool single = open == 1 && terms[0].coefficient > 0 && terms[0].atoms.size() == 1;
    *least = SatAdd(*least, -constant);
    if (!single) {
      if (constant != 0) *this = *this - Dim(constant);
      return;
    }
    // coefficient * atom >= least.
    *least = -FloorDivInt(-*least, terms[0].coefficient);
    const std::shared_ptr<const Atom> atom = terms[0].atoms[0];
    if (!atom->numerator.has_value()) {
      *this = Symbol(atom->text);
      return;
    }
    *least = SatMul(*least, atom->divisor);
    *this = *atom->numerator;
  }
}

void Dim::VisitSymbols(const std::function<void(std::string_view)>& visit) const {
  if (IsConst()) return;
  for (const Term& term : expr()->terms) {
    for (const auto& atom : term.atoms) {
      if (atom->numerator.has_value()) {
        atom->numerator->VisitSymbols(visit);
      } else {
        visit(atom->text);
      }
    }
  }
}

}  // namespace graphkiln::ir
