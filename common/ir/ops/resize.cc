// Dimensions added, removed, repeated, moved; parts of one tensor as several.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

constexpr int64_t kMaxParts = 1 << 16;

// The dimensions of a list, wrapped; each at most once.
absl::StatusOr<std::vector<int>> DistinctDims(TypeContext& c, std::string_view arg) {
  const int rank = c.tensor("self").rank();
  std::vector<int> out;
  for (const int64_t dim : c.Ints(arg)) {
    ASSIGN_OR_RETURN(const int d, c.WrapDim("DIMS_C1", arg, dim, rank));
    if (std::find(out.begin(), out.end(), d) != out.end()) {
      return c.Fail("DIMS_C2", arg, "each dimension stands once", "distinct dimensions",
                    fmt::format("{} twice", dim), "PARAM_RANGE");
    }
    out.push_back(d);
  }
  return out;
}

absl::Status InferT(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Rank("T_C1", "self", {0, 1, 2}));
  TensorType out = self;
  std::reverse(out.shape.begin(), out.shape.end());
  return c.Output(std::move(out));
}

// Only sizes that are 1 for certain go away; an open size must be another.
absl::Status InferSqueeze(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  std::vector<int> dims;
  if (c.op().ArgIndex("dim") >= 0) {
    ASSIGN_OR_RETURN(dims, DistinctDims(c, "dim"));
  } else {
    for (int i = 0; i < self.rank(); ++i) dims.push_back(i);
  }
  TensorType out{self.dtype, {}};
  for (int i = 0; i < self.rank(); ++i) {
    const bool named = std::find(dims.begin(), dims.end(), i) != dims.end();
    if (named && self.dim(i).IsConst(1)) continue;
    if (named && !self.dim(i).IsConst()) c.AtLeast(self.dim(i), 2);
    out.shape.push_back(self.dim(i));
  }
  return c.Output(std::move(out));
}

absl::Status InferUnsqueeze(TypeContext& c) {
  TensorType out = c.tensor("self");
  ASSIGN_OR_RETURN(const int d, c.WrapDim("DIMS_C1", "dim", c.Int("dim"), out.rank() + 1));
  out.shape.insert(out.shape.begin() + d, Dim(1));
  return c.Output(std::move(out));
}

absl::Status InferExpand(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  TensorType out{self.dtype, c.Dims("size")};
  const int added = out.rank() - self.rank();
  bool legal = added >= 0;
  for (int i = 0; legal && i < out.rank(); ++i) {
    Dim& size = out.shape[static_cast<size_t>(i)];
    if (i < added) {
      legal = !(size.IsConst() && size.value() < 0);
      continue;
    }
    const Dim& old = self.dim(i - added);
    if (size.IsConst(-1)) size = old;
    legal = size == old || (old.IsConst(1) && !(size.IsConst() && size.value() < 0));
  }
  if (!legal) {
    return c.Fail("EXPAND_C1", "self", "only sizes of 1 can be expanded",
                  fmt::format("a tensor that spreads over {}", ShapeText(c.Dims("size"))),
                  TypeText(self));
  }
  return c.Output(std::move(out));
}

absl::Status InferRepeat(TypeContext& c, std::string_view arg, bool may_be_short) {
  const TensorType& self = c.tensor("self");
  Shape repeats = c.Dims(arg);
  const size_t rank = self.shape.size();
  if (repeats.size() < rank && may_be_short)
    repeats.insert(repeats.begin(), rank - repeats.size(), Dim(1));
  bool legal = repeats.size() >= rank;
  TensorType out{self.dtype, {}};
  for (size_t i = 0; legal && i < repeats.size(); ++i) {
    legal = !(repeats[i].IsConst() && repeats[i].value() < 0);
    const size_t added = repeats.size() - rank;
    out.shape.push_back(i < added ? repeats[i] : repeats[i] * self.shape[i - added]);
  }
  if (!legal) {
    return c.Fail("REPEAT_C1", arg, "there is one count of 0 or more for each dimension",
                  fmt::format("{} counts or more", rank), ShapeText(c.Dims(arg)), "PARAM_RANGE");
  }
  return c.Output(std::move(out));
}

absl::Status InferInterleave(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const int64_t repeats = c.Int("repeats");
  if (repeats < 0) {
    return c.Fail("REPEAT_C2", "repeats", "a count is not negative", "0 or more",
                  fmt::format("{}", repeats), "PARAM_RANGE");
  }
  int d = 0;
  const bool flat = !c.Has("dim");
  if (!flat) {
    if (self.rank() == 0) {
      return c.Fail("DIMS_C1", "dim", "a scalar has no dimension to repeat along", "null",
                    fmt::format("{}", c.Int("dim")), "PARAM_RANGE");
    }
    ASSIGN_OR_RETURN(d, c.WrapDim("DIMS_C1", "dim", c.Int("dim"), self.rank()));
  }
  const Dim size = (flat ? self.Numel() : self.dim(d)) * Dim(repeats);
  if (const auto given = c.Size("output_size"); given && *given != size) {
    return c.Fail("REPEAT_C3", "output_size", "output_size is not the size of the result",
                  size.ToString(), given->ToString(), "PARAM_RANGE");
  }
  return c.Output(flat ? TensorType{self.dtype, {size}} : self.WithDim(d, size));
}

absl::Status InferMovedim(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(const std::vector<int> from, DistinctDims(c, "source"));
  ASSIGN_OR_RETURN(const std::vector<int> to, DistinctDims(c, "destination"));
  if (from.size() != to.size()) {
    return c.Fail("MOVEDIM_C1", "destination", "there is one destination for each source",
                  fmt::format("{}", from.size()), fmt::format("{}", to.size()), "ARITY");
  }
  std::vector<int> order(static_cast<size_t>(self.rank()), -1);
  for (size_t i = 0; i < from.size() && !order.empty(); ++i)
    order[static_cast<size_t>(to[i])] = from[i];
  int next = 0;
  for (int& at : order) {
    if (at >= 0) continue;
    while (std::find(from.begin(), from.end(), next) != from.end()) ++next;
    at = next++;
  }
  TensorType out{self.dtype, {}};
  for (const int d : order) out.shape.push_back(self.dim(d));
  return c.Output(std::move(out));
}

absl::Status InferFlip(TypeContext& c) {
  RETURN_IF_ERROR(DistinctDims(c, "dims").status());
  return c.OutputLike("self");
}

absl::Status InferRoll(TypeContext& c) {
  const std::vector<int64_t> dims = c.Ints("dims");
  const size_t shifts = c.Ints("shifts").size();
  if (dims.empty() ? shifts != 1 : shifts != dims.size()) {
    return c.Fail("ROLL_C1", "shifts", "there is one shift for each dimension",
                  fmt::format("{}", std::max<size_t>(dims.size(), 1)), fmt::format("{}", shifts),
                  "ARITY");
  }
  for (const int64_t dim : dims)
    RETURN_IF_ERROR(c.WrapDim("DIMS_C1", "dims", dim, c.tensor("self").rank()).status());
  return c.OutputLike("self");
}

absl::Status InferStack(TypeContext& c) {
  const std::vector<const TensorType*> parts = c.tensors("tensors");
  if (parts.empty()) {
    return c.Fail("STACK_C1", "tensors", "there is nothing to stack", "at least one tensor", "none",
                  "ARITY");
  }
  TensorType out = *parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i]->shape != out.shape) {
      return c.Fail("STACK_C2", "tensors", "all tensors must have one shape", TypeText(*parts[0]),
                    TypeText(*parts[i]), "SHAPE_MISMATCH", static_cast<int>(i));
    }
    out.dtype = Promote(out.dtype, parts[i]->dtype);
  }
  ASSIGN_OR_RETURN(const int d, c.WrapDim("STACK_C3", "dim", c.Int("dim"), out.rank() + 1));
  out.shape.insert(out.shape.begin() + d, Dim(static_cast<int64_t>(parts.size())));
  return c.Output(std::move(out));
}

struct Parted {
  int dim = 0;
  int64_t size = 0;
};

// The dimension that is taken apart; how many parts there are must be known.
absl::StatusOr<Parted> PartedDim(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  if (self.rank() == 0) {
    return c.Fail("SPLIT_C1", "self", "a scalar has no parts", "rank 1 or more", TypeText(self),
                  "RANK_MISMATCH");
  }
  ASSIGN_OR_RETURN(const int d, c.WrapDim("DIMS_C1", "dim", c.Int("dim"), self.rank()));
  if (!self.dim(d).IsConst()) {
    return c.Fail("SPLIT_C2", "self", "the number of parts follows from an open size",
                  fmt::format("a fixed size in dimension {}", d), TypeText(self));
  }
  return Parted{d, self.dim(d).value()};
}

absl::Status Parts(TypeContext& c, int dim, const std::vector<int64_t>& sizes) {
  const TensorType& self = c.tensor("self");
  for (const int64_t size : sizes) RETURN_IF_ERROR(c.Output(self.WithDim(dim, Dim(size))));
  return absl::OkStatus();
}

absl::Status TooMany(TypeContext& c) {
  return c.Fail("SPLIT_C4", "self", "there would be too many parts",
                fmt::format("at most {} parts", kMaxParts), TypeText(c.tensor("self")),
                "SIZE_OVERFLOW");
}

absl::Status EqualParts(TypeContext& c, const Parted& parted, int64_t part, int64_t least) {
  const int64_t count =
      std::max(part > 0 ? (parted.size - 1) / part + (parted.size > 0 ? 1 : 0) : 1, least);
  if (count > kMaxParts) return TooMany(c);
  std::vector<int64_t> sizes(static_cast<size_t>(count), part);
  if (parted.size == 0) std::fill(sizes.begin(), sizes.end(), 0);
  if (parted.size > 0) sizes.back() = parted.size - part * (count - 1);
  return Parts(c, parted.dim, sizes);
}

absl::Status InferSplit(TypeContext& c) {
  ASSIGN_OR_RETURN(const Parted parted, PartedDim(c));
  const int64_t part = c.Int("split_size");
  if (part < 0 || (part == 0 && parted.size > 0)) {
    return c.Fail("SPLIT_C3", "split_size", "a part has 1 element or more", "1 or more",
                  fmt::format("{}", part), "PARAM_RANGE");
  }
  return EqualParts(c, parted, part, 1);
}

absl::Status InferChunk(TypeContext& c) {
  ASSIGN_OR_RETURN(const Parted parted, PartedDim(c));
  const int64_t chunks = c.Int("chunks");
  if (chunks < 1) {
    return c.Fail("SPLIT_C3", "chunks", "there is at least one part", "1 or more",
                  fmt::format("{}", chunks), "PARAM_RANGE");
  }
  const int64_t part = parted.size > 0 ? (parted.size - 1) / chunks + 1 : 0;
  return EqualParts(c, parted, part, parted.size == 0 ? chunks : 1);
}

absl::Status InferSplitWithSizes(TypeContext& c) {
  ASSIGN_OR_RETURN(const Parted parted, PartedDim(c));
  const std::vector<int64_t> sizes = c.Ints("split_sizes");
  if (sizes.size() > static_cast<size_t>(kMaxParts)) return TooMany(c);
  int64_t left = parted.size;
  bool legal = true;
  double sum = 0;  // for the message; of any size
  for (const int64_t size : sizes) {
    legal = legal && size >= 0 && size <= left;
    left -= legal ? size : 0;
    sum += static_cast<double>(size);
  }
  if (!legal || left != 0) {
    return c.Fail("SPLIT_C5", "split_sizes",
                  fmt::format("the sizes sum to {}, the dimension has {}", sum, parted.size),
                  fmt::format("a sum of {}", parted.size), ShapeText(c.Dims("split_sizes")),
                  "PARAM_RANGE");
  }
  return Parts(c, parted.dim, sizes);
}

absl::Status InferUnbind(TypeContext& c) {
  ASSIGN_OR_RETURN(const Parted parted, PartedDim(c));
  if (parted.size > kMaxParts) return TooMany(c);
  TensorType out = c.tensor("self");
  out.shape.erase(out.shape.begin() + parted.dim);
  for (int64_t i = 0; i < parted.size; ++i) RETURN_IF_ERROR(c.Output(out));
  return absl::OkStatus();
}

}  // namespace

void AddResize(std::vector<OpDef>& ops) {
  const Rule dims{"DIMS_C1", "the dimensions exist"};
  const Rule once{"DIMS_C2", "each dimension stands once"};
  const Rule rank{"SPLIT_C1", "self has rank 1 or more"};
  const Rule fixed{"SPLIT_C2", "the size of dim is fixed"};
  const Rule part{"SPLIT_C3", "there is one part at least, of one element at least"};
  const Rule many{"SPLIT_C4", "there are at most 65,536 parts"};
  const auto add = [&](std::string_view name, std::string_view schema,
                       absl::Status (*infer)(TypeContext&), std::vector<Rule> rules,
                       bool view = true) {
    ops.push_back({.name = name,
                   .schema = schema,
                   .infer = infer,
                   .flops = NoFlops,
                   .rules = std::move(rules),
                   .view = view});
  };
  add("aten.t.default", "(Tensor self) -> Tensor", InferT, {{"T_C1", "self has rank 2 or less"}});
  add("aten.squeeze.default", "(Tensor self) -> Tensor", InferSqueeze, {});
  add("aten.squeeze.dim", "(Tensor self, int dim) -> Tensor", InferSqueeze, {dims});
  add("aten.squeeze.dims", "(Tensor self, int[] dim) -> Tensor", InferSqueeze, {dims, once});
  add("aten.unsqueeze.default", "(Tensor self, int dim) -> Tensor", InferUnsqueeze, {dims});
  add("aten.expand.default", "(Tensor self, SymInt[] size, *, bool implicit=False) -> Tensor",
      InferExpand, {{"EXPAND_C1", "self spreads over the shape"}});
  add("aten.movedim.int", "(Tensor self, int source, int destination) -> Tensor", InferMovedim,
      {dims});
  add("aten.movedim.intlist", "(Tensor self, int[] source, int[] destination) -> Tensor",
      InferMovedim, {dims, once, {"MOVEDIM_C1", "there is one destination for each source"}});
  add("aten.split.Tensor", "(Tensor self, SymInt split_size, int dim=0) -> Tensor[]", InferSplit,
      {dims, rank, fixed, part, many});
  add("aten.chunk.default", "(Tensor self, int chunks, int dim=0) -> Tensor[]", InferChunk,
      {dims, rank, fixed, part, many});
  add("aten.split_with_sizes.default", "(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]",
      InferSplitWithSizes,
      {dims, rank, fixed, many, {"SPLIT_C5", "the sizes sum to the dimension's"}});
  add("aten.unbind.int", "(Tensor self, int dim=0) -> Tensor[]", InferUnbind,
      {dims, rank, fixed, many});
  add(
      "aten.repeat.default", "(Tensor self, SymInt[] repeats) -> Tensor",
      [](TypeContext& c) { return InferRepeat(c, "repeats", false); },
      {{"REPEAT_C1", "there is one count for each dimension"}}, false);
  add(
      "aten.tile.default", "(Tensor self, SymInt[] dims) -> Tensor",
      [](TypeContext& c) { return InferRepeat(c, "dims", true); },
      {{"REPEAT_C1", "there is one count for each dimension"}}, false);
  add("aten.repeat_interleave.self_int",
      "(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor",
      InferInterleave,
      {dims,
       {"REPEAT_C2", "repeats is not negative"},
       {"REPEAT_C3", "output_size is that of the result"}},
      false);
  add("aten.flip.default", "(Tensor self, int[] dims) -> Tensor", InferFlip, {dims, once}, false);
  add("aten.roll.default", "(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor", InferRoll,
      {dims, {"ROLL_C1", "there is one shift for each dimension"}}, false);
  add("aten.stack.default", "(Tensor[] tensors, int dim=0) -> Tensor", InferStack,
      {{"STACK_C1", "there is at least one tensor"},
       {"STACK_C2", "all tensors have one shape"},
       {"STACK_C3", "dim exists in the result"}},
      false);
  ops.back().passes = "tensors";
}

}  // namespace graphkiln::ir::ops
