// Matrix and vector products. einsum has a file of its own.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status CheckTypes(TypeContext& c, std::string_view a, std::string_view b,
                        int accept = kNotTruth) {
  RETURN_IF_ERROR(c.SameDType("MATMUL_C3", b, a));
  return CheckAccept(c, "MATMUL_C3", a, accept, c.tensor(a).dtype);
}

absl::Status InnerFault(TypeContext& c, std::string_view arg, const Dim& expected) {
  return c.Fail("MATMUL_C2", arg, "the inner sizes must agree",
                fmt::format("{} there", expected.ToString()), TypeText(c.tensor(arg)));
}

// [.., n, k] x [.., k, m] with equal leading dimensions.
absl::Status Product(TypeContext& c, std::string_view a, std::string_view b, int rank,
                     TensorType* out) {
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", a, {rank}));
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", b, {rank}));
  RETURN_IF_ERROR(CheckTypes(c, a, b));
  const TensorType& x = c.tensor(a);
  const TensorType& y = c.tensor(b);
  if (x.dim(-1) != y.dim(-2)) return InnerFault(c, b, x.dim(-1));
  if (rank == 3 && x.dim(0) != y.dim(0)) {
    return c.Fail("MATMUL_C4", b, "both batches must have one size",
                  fmt::format("{} in dimension 0", x.dim(0).ToString()), TypeText(y));
  }
  *out = x.WithDim(-1, y.dim(-1));
  return absl::OkStatus();
}

absl::Status InferProduct(TypeContext& c) {
  TensorType out;
  RETURN_IF_ERROR(Product(c, "self", "mat2", c.op().name == "aten.bmm.default" ? 3 : 2, &out));
  return c.Output(std::move(out));
}

absl::Status MatrixVector(TypeContext& c, std::string_view mat, std::string_view vec,
                          TensorType* out) {
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", mat, {2}));
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", vec, {1}));
  RETURN_IF_ERROR(CheckTypes(c, mat, vec));
  const TensorType& m = c.tensor(mat);
  if (m.dim(1) != c.tensor(vec).dim(0)) return InnerFault(c, vec, m.dim(1));
  *out = {m.dtype, {m.dim(0)}};
  return absl::OkStatus();
}

absl::Status InferMv(TypeContext& c) {
  TensorType out;
  RETURN_IF_ERROR(MatrixVector(c, "self", "vec", &out));
  return c.Output(std::move(out));
}

absl::Status InferDot(TypeContext& c) {
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", "self", {1}));
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", "tensor", {1}));
  RETURN_IF_ERROR(CheckTypes(c, "self", "tensor"));
  const TensorType& self = c.tensor("self");
  if (self.dim(0) != c.tensor("tensor").dim(0)) return InnerFault(c, "tensor", self.dim(0));
  return c.Output({self.dtype, {}});
}

// beta * self + alpha * product, with self spread over the product.
absl::Status AddTo(TypeContext& c, TensorType product) {
  const TensorType& self = c.tensor("self");
  if (self.dtype != product.dtype) {
    return c.Fail("MATMUL_C3", "self", "self must have the element type of the product",
                  std::string(DTypeName(product.dtype)), std::string(DTypeName(self.dtype)),
                  "DTYPE_MISMATCH");
  }
  const auto spread = Broadcast(self.shape, product.shape);
  if (!spread || *spread != product.shape) {
    return c.Fail("ADDMM_C1", "self", "self must spread over the product", TypeText(product),
                  TypeText(self));
  }
  RETURN_IF_ERROR(CheckFactor(c, "alpha", product.dtype));
  RETURN_IF_ERROR(CheckFactor(c, "beta", product.dtype));
  return c.Output(std::move(product));
}

absl::Status InferAddmm(TypeContext& c) {
  TensorType product;
  RETURN_IF_ERROR(Product(c, "mat1", "mat2", 2, &product));
  return AddTo(c, std::move(product));
}

absl::Status InferBaddbmm(TypeContext& c) {
  TensorType product;
  RETURN_IF_ERROR(Product(c, "batch1", "batch2", 3, &product));
  return AddTo(c, std::move(product));
}

// The products of the batch are summed up.
absl::Status InferAddbmm(TypeContext& c) {
  TensorType product;
  RETURN_IF_ERROR(Product(c, "batch1", "batch2", 3, &product));
  product.shape.erase(product.shape.begin());
  return AddTo(c, std::move(product));
}

absl::Status InferAddmv(TypeContext& c) {
  TensorType product;
  RETURN_IF_ERROR(MatrixVector(c, "mat", "vec", &product));
  // Of nothing to multiply, PyTorch's kernels give self as it is, without spreading it.
  const TensorType& mat = c.tensor("mat");
  const bool nothing = mat.dim(0).IsConst(0) || mat.dim(1).IsConst(0);
  if (nothing && c.tensor("self").shape != product.shape) {
    return c.Fail("ADDMV_C1", "self", "beside an empty product, self has its shape",
                  ShapeText(product.shape), TypeText(c.tensor("self")));
  }
  return AddTo(c, std::move(product));
}

absl::Status InferOuter(TypeContext& c) {
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", "self", {1}));
  RETURN_IF_ERROR(c.Rank("MATMUL_C1", "vec2", {1}));
  const TensorType& a = c.tensor("self");
  const TensorType& b = c.tensor("vec2");
  return c.Output({Promote(a.dtype, b.dtype), {a.dim(0), b.dim(0)}});
}

// Vectors act as a row on the left and as a column on the right; the dimensions before the last two
// broadcast.
absl::Status InferMatmul(TypeContext& c) {
  const TensorType& a = c.tensor("self");
  const TensorType& b = c.tensor("other");
  for (const char* arg : {"self", "other"}) {
    if (c.tensor(arg).rank() > 0) continue;
    return c.Fail("MATMUL_C1", arg, fmt::format("{} must have at least one dimension", arg),
                  "rank 1 or more", TypeText(c.tensor(arg)), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(CheckTypes(c, "self", "other"));
  if (a.dim(-1) != b.dim(b.rank() > 1 ? -2 : 0)) return InnerFault(c, "other", a.dim(-1));
  const auto leading = [](const TensorType& type) {
    const size_t n = type.rank() > 2 ? type.shape.size() - 2 : 0;
    return Shape(type.shape.begin(), type.shape.begin() + static_cast<int64_t>(n));
  };
  auto shape = Broadcast(leading(a), leading(b));
  if (!shape) {
    return c.Fail("MATMUL_C4", "other", "the leading dimensions do not broadcast", TypeText(a),
                  TypeText(b));
  }
  if (a.rank() > 1) shape->push_back(a.dim(-2));
  if (b.rank() > 1) shape->push_back(b.dim(-1));
  return c.Output({a.dtype, *std::move(shape)});
}

absl::Status InferVecdot(TypeContext& c) {
  RETURN_IF_ERROR(CheckTypes(c, "x", "y", kInexact));
  const TensorType& x = c.tensor("x");
  auto shape = Broadcast(x.shape, c.tensor("y").shape);
  if (!shape) {
    return c.Fail("BROADCAST_C1", "y", "the shapes do not broadcast", TypeText(x),
                  TypeText(c.tensor("y")));
  }
  ASSIGN_OR_RETURN(const int d,
                   c.WrapDim("VECDOT_C1", "dim", c.Int("dim"), static_cast<int>(shape->size())));
  if (!shape->empty()) shape->erase(shape->begin() + d);
  return c.Output({x.dtype, *std::move(shape)});
}

// A multiply-add for each output element and inner position.
Dim ProductFlops(const TypeContext& c, std::string_view left) {
  const TensorType& a = c.tensor(left);
  return c.output(0).Numel() * (a.rank() > 0 ? a.dim(-1) : Dim(1)) * Dim(2);
}

template <int kArg>
Dim Flops(const TypeContext& c) {
  return ProductFlops(c, c.op().args[kArg].name);
}

Dim VecdotFlops(const TypeContext& c) { return c.tensor("x").Numel() * Dim(2); }

}  // namespace

void AddMatmul(std::vector<OpDef>& ops) {
  const Rule ranks{"MATMUL_C1", "the ranks are those of the product"};
  const Rule inner{"MATMUL_C2", "the inner sizes agree"};
  const Rule types{"MATMUL_C3", "all tensors have one element type, a number"};
  const Rule batch{"MATMUL_C4", "the batch dimensions agree"};
  const Rule spread{"ADDMM_C1", "self spreads over the product"};
  const auto add = [&](std::string_view name, std::string_view schema,
                       absl::Status (*infer)(TypeContext&), Dim (*flops)(const TypeContext&),
                       std::vector<Rule> rules, std::string_view saved) {
    ops.push_back({.name = name,
                   .schema = schema,
                   .infer = infer,
                   .flops = flops,
                   .rules = std::move(rules),
                   .product = flops != nullptr,
                   .saved = saved});
  };
  add("aten.mm.default", "(Tensor self, Tensor mat2) -> Tensor", InferProduct, Flops<0>,
      {ranks, inner, types}, "self mat2");
  add("aten.bmm.default", "(Tensor self, Tensor mat2) -> Tensor", InferProduct, Flops<0>,
      {ranks, inner, types, batch}, "self mat2");
  add("aten.matmul.default", "(Tensor self, Tensor other) -> Tensor", InferMatmul, Flops<0>,
      {ranks, inner, types, batch}, "self other");
  add("aten.mv.default", "(Tensor self, Tensor vec) -> Tensor", InferMv, Flops<0>,
      {ranks, inner, types}, "self vec");
  add("aten.dot.default", "(Tensor self, Tensor tensor) -> Tensor", InferDot, Flops<0>,
      {ranks, inner, types}, "self tensor");
  add("aten.outer.default", "(Tensor self, Tensor vec2) -> Tensor", InferOuter, nullptr, {ranks},
      "self vec2");
  add("aten.linalg_vecdot.default", "(Tensor x, Tensor y, *, int dim=-1) -> Tensor", InferVecdot,
      VecdotFlops,
      {types,
       {"BROADCAST_C1", "the shapes broadcast"},
       {"VECDOT_C1", "dim exists in the broadcast shape"}},
      "x y");
  add("aten.addmm.default",
      "(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      InferAddmm, Flops<1>, {ranks, inner, types, spread, FactorRule()}, "mat1 mat2");
  add("aten.addmv.default",
      "(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      InferAddmv, Flops<1>,
      {ranks,
       inner,
       types,
       spread,
       FactorRule(),
       {"ADDMV_C1", "where nothing is multiplied, self has the shape of the product"}},
      "mat vec");
  add(
      "aten.addbmm.default",
      "(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      InferAddbmm,
      [](const TypeContext& c) { return ProductFlops(c, "batch1") * c.tensor("batch1").dim(0); },
      {ranks, inner, types, batch, spread, FactorRule()}, "batch1 batch2");
  add("aten.baddbmm.default",
      "(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      InferBaddbmm, Flops<1>, {ranks, inner, types, batch, spread, FactorRule()}, "batch1 batch2");
}

}  // namespace graphkiln::ir::ops
