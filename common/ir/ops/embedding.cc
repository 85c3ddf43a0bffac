// Look-up tables.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

enum Mode { kSum = 0, kMean = 1, kMax = 2 };

absl::Status CheckWhole(TypeContext& c, std::string_view arg) {
  const TensorType& indices = c.tensor(arg);
  if (indices.dtype == v1::DATA_TYPE_INT64 || indices.dtype == v1::DATA_TYPE_INT32)
    return absl::OkStatus();
  return c.Fail("EMBEDDING_C1", arg, fmt::format("{} must be whole numbers", arg), "int64 or int32",
                TypeText(indices), "DTYPE_MISMATCH");
}

absl::Status InferEmbedding(TypeContext& c) {
  RETURN_IF_ERROR(CheckWhole(c, "indices"));
  RETURN_IF_ERROR(c.Rank("EMBEDDING_C3", "weight", {2}));
  TensorType out{c.tensor("weight").dtype, c.tensor("indices").shape};
  out.shape.push_back(c.tensor("weight").dim(1));
  return c.Output(std::move(out));
}

// Besides the bags: the bag of each index, the size of each bag, the positions of the maxima.
absl::Status InferEmbeddingBag(TypeContext& c) {
  const TensorType& weight = c.tensor("weight");
  const TensorType& indices = c.tensor("indices");
  const TensorType& offsets = c.tensor("offsets");
  RETURN_IF_ERROR(CheckWhole(c, "indices"));
  RETURN_IF_ERROR(CheckWhole(c, "offsets"));
  RETURN_IF_ERROR(c.Rank("EMBEDDING_C3", "weight", {2}));
  RETURN_IF_ERROR(c.Rank("EMBEDDING_BAG_C1", "indices", {1}));
  RETURN_IF_ERROR(c.Rank("EMBEDDING_BAG_C1", "offsets", {1}));
  const int64_t mode = c.Int("mode");
  if (mode < kSum || mode > kMax) {
    return c.Fail("EMBEDDING_BAG_C2", "mode", "mode is 0 (sum), 1 (mean) or 2 (max)", "0 to 2",
                  fmt::format("{}", mode), "PARAM_RANGE");
  }
  if (mode == kMax && c.Flag("scale_grad_by_freq")) {
    return c.Fail("EMBEDDING_BAG_C3", "scale_grad_by_freq",
                  "a maximum's gradient cannot be scaled by frequency", "false", "true",
                  "PARAM_RANGE");
  }
  if (c.Has("per_sample_weights")) {
    const TensorType& scale = c.tensor("per_sample_weights");
    if (mode != kSum) {
      return c.Fail("EMBEDDING_BAG_C4", "per_sample_weights", "only sums can be weighted",
                    "mode sum", mode == kMean ? "mode mean" : "mode max", "PARAM_RANGE");
    }
    if (scale != indices.WithDType(weight.dtype)) {
      return c.Fail("EMBEDDING_BAG_C5", "per_sample_weights", "there is one weight per index",
                    TypeText(indices.WithDType(weight.dtype)), TypeText(scale));
    }
  }
  const Dim bags = c.Flag("include_last_offset") ? offsets.dim(0) - Dim(1) : offsets.dim(0);
  if (bags.IsConst(0) && !indices.dim(0).IsConst(0)) {
    // PyTorch's kernels use memory that is not there: of maxima always, of sums and means by
    // element type and padding_idx.
    return c.Fail("EMBEDDING_BAG_C7", "offsets", "indices need a bag", "1 bag or more", "0 bags");
  }
  RETURN_IF_ERROR(c.Output({weight.dtype, {bags, weight.dim(1)}}));
  const DataType whole = Promote(indices.dtype, offsets.dtype);
  RETURN_IF_ERROR(c.Output(indices.WithDType(whole)));
  RETURN_IF_ERROR(c.Output(offsets.WithDType(whole)));
  if (mode == kMax) return c.Output({whole, {bags, weight.dim(1)}});
  return c.Output({whole, {Dim(0)}});
}

OpDef EmbeddingBag(std::string_view name, std::string_view schema) {
  return {.name = name,
          .schema = schema,
          .infer = InferEmbeddingBag,
          .flops =
              [](const TypeContext& c) {
                return c.tensor("indices").Numel() * c.tensor("weight").dim(1) *
                       Dim(c.Has("per_sample_weights") ? 2 : 1);
              },
          .rules = {{"EMBEDDING_C1", "indices and offsets are int64 or int32"},
                    {"EMBEDDING_C3", "weight has rank 2"},
                    {"EMBEDDING_BAG_C1", "indices and offsets have rank 1"},
                    {"EMBEDDING_BAG_C2", "mode is 0, 1 or 2"},
                    {"EMBEDDING_BAG_C3", "scale_grad_by_freq does not stand beside mode max"},
                    {"EMBEDDING_BAG_C4", "per_sample_weights stand beside mode sum only"},
                    {"EMBEDDING_BAG_C5", "per_sample_weights has one value per index"},
                    {"EMBEDDING_BAG_C7", "there is a bag where indices are not empty"}},
          .saved = "indices offsets per_sample_weights"};
}

}  // namespace

void AddEmbedding(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.embedding.default",
       .schema =
           "(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, "
           "bool sparse=False) -> Tensor",
       .infer = InferEmbedding,
       .flops = [](const TypeContext&) { return Dim(0); },
       .rules = {{"EMBEDDING_C1", "indices are int64 or int32"},
                 {"EMBEDDING_C3", "weight has rank 2"}},
       .saved = "indices"});
  // Scales rows that are about to be looked up and exceed max_norm, in place.
  ops.push_back(
      {.name = "aten.embedding_renorm_.default",
       .schema = "(Tensor(a!) self, Tensor indices, float max_norm, float norm_type) -> Tensor(a!)",
       .infer =
           [](TypeContext& c) {
             RETURN_IF_ERROR(CheckWhole(c, "indices"));
             RETURN_IF_ERROR(c.Rank("EMBEDDING_C3", "self", {2}));
             return c.OutputLike("self");
           },
       .rules = {{"EMBEDDING_C1", "indices are int64 or int32"},
                 {"EMBEDDING_C3", "the table has rank 2"}},
       .differentiable = false,
       .view = true});
  ops.push_back(EmbeddingBag(
      "aten.embedding_bag.default",
      "(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, "
      "bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False) -> "
      "(Tensor, Tensor, Tensor, Tensor)"));
  ops.push_back(EmbeddingBag(
      "aten.embedding_bag.padding_idx",
      "(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq, int mode, bool "
      "sparse, Tensor? per_sample_weights, bool include_last_offset, int? padding_idx) -> (Tensor, "
      "Tensor, Tensor, Tensor)"));
  for (const char* name :
       {"aten._embedding_bag.default", "aten._embedding_bag_forward_only.default"}) {
    ops.push_back(EmbeddingBag(
        name,
        "(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int "
        "mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool "
        "include_last_offset=False, int padding_idx=-1) -> (Tensor, Tensor, Tensor, Tensor)"));
  }
  ops.back().differentiable = false;
}

}  // namespace graphkiln::ir::ops
