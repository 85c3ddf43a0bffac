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

absl::StatusOr<TensorType> IndexedType(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const auto* list = c.arg("indices").As<Argument::List>();
  const std::vector<const TensorType*> indices = c.tensors("indices");
  const size_t count = list != nullptr ? list->size() : 0;
  if (count > self.shape.size() || indices.empty()) {
    return c.Fail("INDEX_C2", "indices", "there is at most one index for each dimension",
                  fmt::format("1 to {}", self.rank()), fmt::format("{}", count), "ARITY");
  }
  std::vector<Dim> shape;
  for (size_t i = 0; i < indices.size(); ++i) {
    RETURN_IF_ERROR(CheckIndex(c, *indices[i], static_cast<int>(i)));
    auto wider = Broadcast(shape, indices[i]->shape);
    if (!wider) {
      return c.Fail("INDEX_C3", "indices", "the index tensors do not broadcast", ShapeText(shape),
                    TypeText(*indices[i]), "SHAPE_MISMATCH", static_cast<int>(i));
    }
    shape = *std::move(wider);
  }
  size_t first = count, last = 0;
  std::vector<Dim> rest;  // dimensions that no tensor indexes
  for (size_t i = 0; i < self.shape.size(); ++i) {
    if (i < count && !(*list)[i].IsNone()) {
      first = std::min(first, i);
      last = i;
    } else {
      rest.push_back(self.shape[i]);
    }
  }
  const bool together = last - first + 1 == indices.size();
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
