// einsum: sums of products named by letters, `bij,bjk->bik`.
#include <algorithm>
#include <map>
#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

constexpr char kDots = '.';  // stands for `...` in a parsed term

struct Equation {
  std::vector<std::string> terms;  // one per operand; letters, and kDots at most once
  std::string result;
};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Without blanks, `...` as one character; nothing where other characters stand there.
std::optional<std::string> ParseTerm(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "..." && out.find(kDots) == std::string::npos) {
      out += kDots;
      i += 2;
    } else if (IsLetter(text[i])) {
      out += text[i];
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<Equation> Parse(std::string_view text) {
  Equation equation;
  const size_t arrow = text.find("->");
  for (const std::string_view part : SplitView(text.substr(0, arrow), ',')) {
    auto term = ParseTerm(part);
    if (!term) return std::nullopt;
    equation.terms.push_back(*std::move(term));
  }
  if (arrow != std::string_view::npos) {
    auto result = ParseTerm(text.substr(arrow + 2));
    if (!result) return std::nullopt;
    equation.result = *std::move(result);
    return equation;
  }
  // Without an arrow: `...`, then the letters that stand once, in alphabetical order.
  std::map<char, int> count;
  bool dots = false;
  for (const std::string& term : equation.terms) {
    for (const char c : term) {
      if (c == kDots) {
        dots = true;
      } else {
        ++count[c];
      }
    }
  }
  if (dots) equation.result += kDots;
  for (const auto& [letter, n] : count) {
    if (n == 1) equation.result += letter;
  }
  return equation;
}

absl::Status Malformed(TypeContext& c, std::string message) {
  return c.Fail("EINSUM_C1", "equation", std::move(message), "such as \"bij,bjk->bik\"",
                c.Text("equation").substr(0, 200), "PARAM_RANGE");
}

struct Sizes {
  std::map<char, Dim> letters;
  Shape dots;
};

// Sizes of an operand's letters; 1 gives way to any size.
absl::Status Bind(TypeContext& c, const std::string& term, const TensorType& type, int index,
                  Sizes& sizes) {
  const bool dots = term.find(kDots) != std::string::npos;
  const int letters = static_cast<int>(term.size()) - (dots ? 1 : 0);
  const int open = type.rank() - letters;
  if (open < 0 || (open > 0 && !dots)) {
    return c.Fail("EINSUM_C2", "tensors", "the term must have one letter per dimension",
                  fmt::format("rank {}{}", letters, dots ? " or more" : ""), TypeText(type),
                  "RANK_MISMATCH", index);
  }
  int d = 0;
  std::map<char, Dim> own;
  for (const char letter : term) {
    if (letter == kDots) {
      const Shape middle(type.shape.begin() + d, type.shape.begin() + d + open);
      auto wider = Broadcast(sizes.dots, middle);
      if (!wider) {
        return c.Fail("EINSUM_C3", "tensors", "the dimensions of `...` do not broadcast",
                      ShapeText(sizes.dots), TypeText(type), "SHAPE_MISMATCH", index);
      }
      sizes.dots = *std::move(wider);
      d += open;
      continue;
    }
    const Dim& size = type.dim(d++);
    const auto [at, added] = sizes.letters.emplace(letter, size);
    const bool diagonal = own.emplace(letter, size).first->second == size;
    if (added || (diagonal && (at->second == size || size.IsConst(1)))) continue;
    if (!diagonal || !at->second.IsConst(1)) {
      return c.Fail("EINSUM_C3", "tensors", fmt::format("{} has two sizes", letter),
                    fmt::format("{} = {}", letter, at->second.ToString()), TypeText(type),
                    "SHAPE_MISMATCH", index);
    }
    at->second = size;
  }
  return absl::OkStatus();
}

// A letter that is not in the result has size 1 here and another one elsewhere.
bool SpreadsSummed(const Equation& equation, const std::string& term, const TensorType& type,
                   const Sizes& sizes) {
  if (term.find(kDots) != std::string::npos) return false;
  for (size_t d = 0; d < term.size(); ++d) {
    const auto at = sizes.letters.find(term[d]);
    if (at != sizes.letters.end() && equation.result.find(term[d]) == std::string::npos &&
        type.dim(static_cast<int>(d)).IsConst(1) && !at->second.IsConst(1)) {
      return true;
    }
  }
  return false;
}

absl::Status Analyse(TypeContext& c, Sizes& sizes, TensorType* out) {
  const std::vector<const TensorType*> operands = c.tensors("tensors");
  const auto equation = Parse(c.Text("equation"));
  if (!equation) return Malformed(c, "the equation has letters, `...`, commas and `->` only");
  if (operands.empty() || equation->terms.size() != operands.size()) {
    return c.Fail("EINSUM_C2", "tensors", "there must be one tensor for each term",
                  fmt::format("{}", equation->terms.size()), fmt::format("{}", operands.size()),
                  "ARITY");
  }
  out->dtype = operands[0]->dtype;
  for (size_t i = 0; i < operands.size(); ++i) {
    const int index = static_cast<int>(i);
    if (operands[i]->dtype != out->dtype || !Accepts(kNotTruth, out->dtype)) {
      return c.Fail("EINSUM_C4", "tensors", "all tensors must have one element type, a number",
                    std::string(DTypeName(out->dtype)), TypeText(*operands[i]), "DTYPE_MISMATCH",
                    index);
    }
    RETURN_IF_ERROR(Bind(c, equation->terms[i], *operands[i], index, sizes));
  }
  // What is summed on one side alone becomes int64 there, and no longer fits the other side.
  if (IsIntegral(out->dtype) && out->dtype != v1::DATA_TYPE_INT64) {
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!SpreadsSummed(*equation, equation->terms[i], *operands[i], sizes)) continue;
      return c.Fail("EINSUM_C4", "tensors", "a size of 1 is summed against a larger one in int64",
                    "int64", TypeText(*operands[i]), "DTYPE_MISMATCH", static_cast<int>(i));
    }
  }
  for (const char letter : equation->result) {
    if (letter == kDots) {
      out->shape.insert(out->shape.end(), sizes.dots.begin(), sizes.dots.end());
      continue;
    }
    const auto at = sizes.letters.find(letter);
    if (at == sizes.letters.end())
      return Malformed(c, fmt::format("{} of the result is in no term", letter));
    if (std::count(equation->result.begin(), equation->result.end(), letter) > 1)
      return Malformed(c, fmt::format("{} stands twice in the result", letter));
    out->shape.push_back(at->second);
  }
  return absl::OkStatus();
}

// The order of the products: pairs of positions among the tensors that are left.
absl::Status CheckPath(TypeContext& c) {
  if (!c.Has("path")) return absl::OkStatus();
  const std::vector<int64_t> path = c.Ints("path");
  int64_t left = static_cast<int64_t>(c.tensors("tensors").size());
  bool legal = static_cast<int64_t>(path.size()) == (left == 1 ? 1 : 2 * (left - 1));
  for (size_t i = 0; legal && left > 1; i += 2, --left) {
    legal = path[i] >= 0 && path[i] < left && path[i + 1] >= 0 && path[i + 1] < left &&
            path[i] != path[i + 1];
  }
  if (legal) return absl::OkStatus();
  return c.Fail("EINSUM_C5", "path", "path must name two of the tensors left for each product",
                "pairs of positions", ShapeText({path.begin(), path.end()}), "PARAM_RANGE");
}

absl::Status InferEinsum(TypeContext& c) {
  RETURN_IF_ERROR(CheckPath(c));
  Sizes sizes;
  TensorType out;
  RETURN_IF_ERROR(Analyse(c, sizes, &out));
  return c.Output(std::move(out));
}

// One multiply-add for each combination of positions and product.
Dim EinsumFlops(const TypeContext& c) {
  TypeContext again = c;
  Sizes sizes;
  TensorType out;
  if (!Analyse(again, sizes, &out).ok()) return Dim(0);
  Dim flops(2 * std::max<int64_t>(static_cast<int64_t>(c.tensors("tensors").size()) - 1, 1));
  for (const auto& [letter, size] : sizes.letters) flops = flops * size;
  for (const Dim& size : sizes.dots) flops = flops * size;
  return flops;
}

}  // namespace

void AddEinsum(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.einsum.default",
       .schema = "(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor",
       .infer = InferEinsum,
       .flops = EinsumFlops,
       .rules = {{"EINSUM_C1", "the equation is well-formed"},
                 {"EINSUM_C2", "each term has one tensor, one letter for each of its dimensions"},
                 {"EINSUM_C3", "a letter has one size everywhere, or 1"},
                 {"EINSUM_C4", "all tensors have one element type, a number"},
                 {"EINSUM_C5", "path names two of the tensors left for each product"}},
       .product = true,
       .saved = "tensors"});
}

}  // namespace graphkiln::ir::ops
