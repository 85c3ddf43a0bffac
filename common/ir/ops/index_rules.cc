#include "common/ir/ops/index_rules.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// A bound of a slice as a position in 0..size; positions in an open dimension must exist.
Dim Bound(TypeContext& c, const std::optional<Dim>& given, const Dim& size, const Dim& absent) {
  if (!given) return absent;
  if (!given->IsConst()) {
    c.AtLeast(*given, 0);
    c.AtLeast(size - *given, 0);
    return *given;
  }
  const int64_t at = given->value();
  if (at >= std::numeric_limits<int32_t>::max()) return size;  // exporters' `to the end`
  if (!size.IsConst()) {
    c.AtLeast(size, std::abs(std::max(at, -Dim::kSaturated)));
    return at < 0 ? size + Dim(at) : Dim(at);
  }
  return Dim(std::clamp<int64_t>(at < 0 ? at + size.value() : at, 0, size.value()));
}

// PyTorch takes bytes for truth values, too.
bool IsMask(const TensorType& index) {
  return index.dtype == v1::DATA_TYPE_BOOL || index.dtype == v1::DATA_TYPE_UINT8;
}

// `dim`: where the mask begins.
absl::Status CheckMask(TypeContext& c, const TensorType& mask, int dim, int list_index) {
  const TensorType& self = c.tensor("self");
  Shape covered;
  for (int i = 0; i < mask.rank(); ++i) covered.push_back(self.dim(dim + i));
  if (covered != mask.shape || covered.empty()) {
    return c.Fail("INDEX_C4", "indices", "a mask has the sizes of the dimensions that it covers",
                  covered.empty() ? "rank 1 or more" : ShapeText(covered), TypeText(mask),
                  "SHAPE_MISMATCH", list_index);
  }
  if (c.tensors("indices").size() == 1) return absl::OkStatus();
  return c.Fail("INDEX_C5", "indices",
                "how many elements a mask names is known only as the program runs",
                "one mask, or positions", TypeText(mask), "DTYPE_MISMATCH", list_index);
}

}  // namespace

absl::Status NeedsDims(TypeContext& c, std::string_view rule) {
  if (c.tensor("self").rank() > 0) return absl::OkStatus();
  return c.Fail(rule, "self", "a scalar has no dimension to take a part of", "rank 1 or more",
                TypeText(c.tensor("self")), "RANK_MISMATCH");
}

absl::Status CheckIndex(TypeContext& c, const TensorType& index, int list_index) {
  if (index.dtype == v1::DATA_TYPE_INT64 || index.dtype == v1::DATA_TYPE_INT32)
    return absl::OkStatus();
  return c.Fail("INDEX_C1", list_index < 0 ? "index" : "indices", "positions are whole numbers",
                "int64 or int32", TypeText(index), "DTYPE_MISMATCH", list_index);
}

absl::Status IndexFits(TypeContext& c, std::string_view rule, std::string_view other, int dim,
                       bool skip) {
  const TensorType& index = c.tensor("index");
  const TensorType& type = c.tensor(other);
  bool fits = index.rank() == type.rank();
  for (int i = 0; fits && i < index.rank(); ++i) {
    const Dim& a = index.dim(i);
    const Dim& b = type.dim(i);
    fits = (skip && i == dim) || a == b || c.AtLeast(b - a, 0);
  }
  if (fits) return absl::OkStatus();
  return c.Fail(rule, "index",
                fmt::format("index must not be larger than {}{}", other,
                            skip ? " in other dimensions than dim" : ""),
                TypeText(type), TypeText(index),
                index.rank() == type.rank() ? "SHAPE_MISMATCH" : "RANK_MISMATCH");
}

absl::StatusOr<TensorType> SliceType(TypeContext& c) {
  RETURN_IF_ERROR(NeedsDims(c, "SLICE_C1"));
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(const int d, c.WrapDim("SLICE_C2", "dim", c.Int("dim"), self.rank()));
  const int64_t step = c.Int("step");
  if (step < 1) {
    return c.Fail("SLICE_C3", "step", "a slice goes forward", "1 or more", fmt::format("{}", step),
                  "PARAM_RANGE");
  }
  const Dim& size = self.dim(d);
  const Dim start = Bound(c, c.Size("start"), size, Dim(0));
  const Dim end = Bound(c, c.Size("end"), size, size);
  Dim length = end - start;
  if (!c.AtLeast(length, 0)) length = Dim(0);
  return self.WithDim(d, length.CeilDiv(step));
}

absl::StatusOr<TensorType> IndexedType(TypeContext& c, bool masks) {
  const TensorType& self = c.tensor("self");
  const auto* list = c.arg("indices").As<Argument::List>();
  const std::vector<const TensorType*> indices = c.tensors("indices");
  const auto is_mask = [&](const TensorType& index) { return masks && IsMask(index); };
  size_t count = list != nullptr ? list->size() : 0;
  for (const TensorType* index : indices) {
    if (is_mask(*index)) count += index->shape.size() - 1;
  }
  if (count > self.shape.size() || indices.empty()) {
    return c.Fail("INDEX_C2", "indices", "there is at most one index for each dimension",
                  fmt::format("1 to {}", self.rank()), fmt::format("{}", count), "ARITY");
  }
  Shape shape;
  Shape rest;  // dimensions that no tensor indexes
  size_t first = count, last = 0, covered = 0, next = 0;
  const auto cover = [&](size_t dim, size_t dims) {
    first = std::min(first, dim);
    last = dim + dims - 1;
    covered += dims;
  };
  size_t dim = 0;
  for (const Argument& entry : *list) {
    if (entry.IsNone()) {
      rest.push_back(self.shape[dim++]);
      continue;
    }
    const TensorType& index = *indices[next];
    const int at = static_cast<int>(next++);
    if (is_mask(index)) {
      RETURN_IF_ERROR(CheckMask(c, index, static_cast<int>(dim), at));
      cover(dim, index.shape.size());
      dim += index.shape.size();
      shape = {Dim(1)};
      continue;
    }
    RETURN_IF_ERROR(CheckIndex(c, index, at));
    auto wider = Broadcast(shape, index.shape);
    if (!wider) {
      return c.Fail("INDEX_C3", "indices", "the index tensors do not broadcast", ShapeText(shape),
                    TypeText(index), "SHAPE_MISMATCH", at);
    }
    shape = *std::move(wider);
    cover(dim++, 1);
  }
  for (; dim < self.shape.size(); ++dim) rest.push_back(self.shape[dim]);
  const bool together = last - first + 1 == covered;
  rest.insert(rest.begin() + static_cast<int64_t>(together ? first : 0), shape.begin(),
              shape.end());
  return TensorType{self.dtype, std::move(rest)};
}

Rule GatherRule() {
  return {"GATHER_C2", "index has self's rank and, but for dim, no larger sizes"};
}

std::vector<Rule> SliceRules() {
  return {{"SLICE_C1", "self has rank 1 or more"},
          {"SLICE_C2", "dim exists in self"},
          {"SLICE_C3", "step is 1 or more"}};
}

std::vector<Rule> IndexRules() {
  return {{"INDEX_C1", "positions are int64 or int32"},
          {"INDEX_C2", "there is one index at least and at most one for each dimension"},
          {"INDEX_C3", "the index tensors broadcast"}};
}

}  // namespace graphkiln::ir::ops
