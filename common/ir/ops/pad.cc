// Padding: constant, reflected, replicated, circular. Negative padding cuts off.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Larger paddings are mistakes; sums of two and a size stay far from overflow.
constexpr int64_t kMostPadding = int64_t{1} << 50;

// `arg` names the padding, two numbers for each padded dimension, the last dimension first.
absl::Status InferPadding(TypeContext& c, const char* arg, std::string_view mode) {
  const TensorType& input = c.tensor("self");
  const Shape pad = c.Dims(arg);
  const int dims = static_cast<int>(pad.size() / 2);
  const bool constant = mode == "constant";
  if (pad.size() % 2 != 0) {
    return c.Fail("PAD_C1", arg, "the padding holds two numbers for each padded dimension",
                  fmt::format("at most {} numbers", 2 * input.rank()),
                  fmt::format("{}", pad.size()), "PARAM_RANGE");
  }
  if (dims > input.rank()) {
    return c.Fail("PAD_C1", "self", "there are fewer dimensions than the padding names",
                  fmt::format("rank {} or more", dims), TypeText(input), "RANK_MISMATCH");
  }
  if (!constant) {
    if (dims < 1 || dims > 3) {
      return c.Fail("PAD_C3", arg, fmt::format("{} pads one to three dimensions", mode),
                    "2, 4 or 6 numbers", fmt::format("{}", pad.size()), "PARAM_RANGE");
    }
    RETURN_IF_ERROR(c.Rank("PAD_C3", "self", {dims + 1, dims + 2}));
    if (mode != "circular") {
      RETURN_IF_ERROR(CheckAccept(c, "PAD_C7", "self", kNotTruth, input.dtype));
      RETURN_IF_ERROR(NonEmpty(c, "PAD_C7", "self", input.rank() - dims - 1));
    }
  }
  // Where nothing is added, nothing is filled.
  const bool fills = std::any_of(
      pad.begin(), pad.end(), [](const Dim& side) { return !side.IsConst() || side.value() > 0; });
  if (constant && fills) RETURN_IF_ERROR(CheckHolds(c, "PAD_C8", "value", input.dtype));
  TensorType out = input;
  for (int i = 0; i < dims; ++i) {
    const int d = input.rank() - 1 - i;
    const Dim& before = pad[static_cast<size_t>(2 * i)];
    const Dim& after = pad[static_cast<size_t>(2 * i + 1)];
    const Dim& size = input.dim(d);
    if (mode == "reflect" || mode == "circular") {
      // Reflection reads inside the border, wrapping reads at most the whole row.
      const Dim most = mode == "reflect" ? size - Dim(1) : size;
      for (const Dim* side : {&before, &after}) {
        if (c.AtLeast(most - *side, 0)) continue;
        return c.Fail("PAD_C2", "self", fmt::format("{} padding must not exceed the input", mode),
                      fmt::format("padding of at most {}", most.ToString()), side->ToString());
      }
    }
    for (const Dim* side : {&before, &after}) {
      if (!side->IsConst() || std::abs(side->value()) <= kMostPadding) continue;
      return c.Fail("PAD_C1", arg, "the padding is larger than any machine's memory",
                    "at most 2^50", side->ToString(), "SIZE_OVERFLOW");
    }
    if (constant && before.IsConst() && after.IsConst()) {
      // What is cut off goes first, before anything is added.
      const int64_t cut =
          std::max<int64_t>(-before.value(), 0) + std::max<int64_t>(-after.value(), 0);
      if (!c.AtLeast(size, cut)) {
        return c.Fail("PAD_C6", "self", "negative padding cuts off more than there is",
                      fmt::format("at most {} in dimension {}", size.ToString(), d),
                      fmt::format("{}", cut));
      }
    }
    Dim padded = size + before + after;
    const int64_t least = mode == "reflect" || mode == "replicate" ? 1 : 0;
    if (!c.AtLeast(padded, least)) {
      return c.Fail("PAD_C6", "self", "negative padding cuts off more than there is",
                    fmt::format("a result of {} or more in dimension {}", least, d),
                    fmt::format("{} for {}", padded.ToString(), TypeText(input)));
    }
    out = out.WithDim(d, std::move(padded));
  }
  return c.Output(std::move(out));
}

absl::Status InferPad(TypeContext& c) {
  const std::string& mode = c.Text("mode");
  if (mode != "constant" && mode != "reflect" && mode != "replicate" && mode != "circular") {
    return c.Fail("PAD_C4", "mode", "there is no such mode",
                  "constant, reflect, replicate or circular", mode.substr(0, 100), "PARAM_RANGE");
  }
  if (mode != "constant" && c.Float("value") != 0) {
    return c.Fail("PAD_C5", "value", fmt::format("{} padding takes no value", mode), "none",
                  fmt::format("{}", c.Float("value")), "PARAM_RANGE");
  }
  return InferPadding(c, "pad", mode);
}

// The operators that pad one fixed number of dimensions.
absl::Status InferFixed(TypeContext& c, int dims, std::string_view mode) {
  if (static_cast<int>(c.Dims("padding").size()) != 2 * dims) {
    return c.Fail("PAD_C1", "padding", "the padding holds two numbers for each padded dimension",
                  fmt::format("{} numbers", 2 * dims), fmt::format("{}", c.Dims("padding").size()),
                  "PARAM_RANGE");
  }
  return InferPadding(c, "padding", mode);
}

template <int kDims>
absl::Status InferReflection(TypeContext& c) {
  return InferFixed(c, kDims, "reflect");
}
template <int kDims>
absl::Status InferReplication(TypeContext& c) {
  return InferFixed(c, kDims, "replicate");
}

const Rule kLength = {"PAD_C1", "the padding holds two numbers for each of the last dimensions"};
const Rule kInside = {"PAD_C2", "reflected and circular padding does not exceed the input"};
const Rule kRanks = {"PAD_C3",
                     "padding that is not constant leaves one or two dimensions unpadded"};
const Rule kNumbers = {"PAD_C7", "reflected and replicated numbers are there, and no truth values"};
const Rule kHeld = {"PAD_C8", "self's element type holds the value"};
const Rule kLeft = {"PAD_C6", "negative padding leaves something"};

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  bool reflects;
};

constexpr Entry kEntries[] = {
    {"aten.reflection_pad1d.default", "(Tensor self, SymInt[2] padding) -> Tensor",
     InferReflection<1>, true},
    {"aten.reflection_pad2d.default", "(Tensor self, SymInt[4] padding) -> Tensor",
     InferReflection<2>, true},
    {"aten.reflection_pad3d.default", "(Tensor self, SymInt[6] padding) -> Tensor",
     InferReflection<3>, true},
    {"aten.replication_pad1d.default", "(Tensor self, SymInt[2] padding) -> Tensor",
     InferReplication<1>, false},
    {"aten.replication_pad2d.default", "(Tensor self, SymInt[4] padding) -> Tensor",
     InferReplication<2>, false},
    {"aten.replication_pad3d.default", "(Tensor self, SymInt[6] padding) -> Tensor",
     InferReplication<3>, false},
};

}  // namespace

void AddPad(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.pad.default",
       .schema = "(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
       .infer = InferPad,
       .flops = NoFlops,
       .rules = {kLength,
                 kInside,
                 kRanks,
                 {"PAD_C4", "mode is constant, reflect, replicate or circular"},
                 {"PAD_C5", "only constant padding takes a value"},
                 kLeft,
                 kNumbers,
                 kHeld}});
  ops.push_back({.name = "aten.constant_pad_nd.default",
                 .schema = "(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor",
                 .infer = [](TypeContext& c) { return InferPadding(c, "pad", "constant"); },
                 .flops = NoFlops,
                 .rules = {kLength, kLeft, kHeld}});
  for (const Entry& entry : kEntries) {
    std::vector<Rule> rules = {kLength, kRanks, kLeft, kNumbers};
    if (entry.reflects) rules.push_back(kInside);
    ops.push_back({.name = entry.name,
                   .schema = entry.schema,
                   .infer = entry.infer,
                   .flops = NoFlops,
                   .rules = std::move(rules),
                   .saved = "self"});
  }
}

}  // namespace graphkiln::ir::ops
