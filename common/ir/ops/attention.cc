// Attention as one operator.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// All dimensions but the last `count`.
Shape Leading(const TensorType& type, int count) {
  return {type.shape.begin(), type.shape.end() - count};
}

Shape Join(Shape shape, const Dim& rows, const Dim& columns) {
  shape.push_back(rows);
  shape.push_back(columns);
  return shape;
}

// Grouped queries: each head of key and value serves several heads of query.
absl::Status CheckGroups(TypeContext& c) {
  const TensorType& query = c.tensor("query");
  for (const char* name : {"key", "value"}) {
    const TensorType& other = c.tensor(name);
    if (query.rank() < 3 || other.rank() < 3) {
      return c.Fail("ATTENTION_C5", name, "grouped queries need a dimension of heads",
                    "rank 3 or more", TypeText(other), "RANK_MISMATCH");
    }
    if (!query.dim(-3).DivideExact(other.dim(-3))) {
      return c.Fail(
          "ATTENTION_C5", name, "the heads of query must be a multiple of those of key and value",
          fmt::format("a divisor of {} heads", query.dim(-3).ToString()), TypeText(other));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMask(TypeContext& c, const Shape& scores) {
  if (!c.Has("attn_mask")) return absl::OkStatus();
  const TensorType& mask = c.tensor("attn_mask");
  if (c.Flag("is_causal")) {
    return c.Fail("ATTENTION_C7", "is_causal", "is_causal makes the mask itself",
                  "attn_mask or is_causal", "both", "PARAM_RANGE");
  }
  if (mask.dtype != v1::DATA_TYPE_BOOL && mask.dtype != c.tensor("query").dtype) {
    return c.Fail("ATTENTION_C6", "attn_mask",
                  "a mask holds truth values or is added to the scores",
                  fmt::format("bool or {}", DTypeName(c.tensor("query").dtype)), TypeText(mask),
                  "DTYPE_MISMATCH");
  }
  const auto joined = Broadcast(mask.shape, scores);
  if (!joined || *joined != scores) {
    return c.Fail("ATTENTION_C6", "attn_mask", "the mask does not broadcast to the scores",
                  ShapeText(scores), TypeText(mask));
  }
  return absl::OkStatus();
}

absl::Status InferAttention(TypeContext& c) {
  for (const char* name : {"query", "key", "value"}) {
    RETURN_IF_ERROR(c.Floating("ATTENTION_C2", name));
    RETURN_IF_ERROR(c.SameDType("ATTENTION_C2", name, "query"));
    if (c.tensor(name).rank() < 2) {
      return c.Fail("ATTENTION_C1", name, fmt::format("{} must hold vectors", name),
                    "rank 2 or more", TypeText(c.tensor(name)), "RANK_MISMATCH");
    }
  }
  const TensorType& query = c.tensor("query");
  const TensorType& key = c.tensor("key");
  const TensorType& value = c.tensor("value");
  if (key.dim(-1) != query.dim(-1)) {
    return c.Fail("ATTENTION_C3", "key", "query and key must have vectors of one length",
                  TypeText(key.WithDim(key.rank() - 1, query.dim(-1))), TypeText(key));
  }
  if (value.dim(-2) != key.dim(-2)) {
    return c.Fail("ATTENTION_C4", "value", "each key needs its value",
                  TypeText(value.WithDim(value.rank() - 2, key.dim(-2))), TypeText(value));
  }
  const bool grouped = c.Flag("enable_gqa");
  if (grouped) RETURN_IF_ERROR(CheckGroups(c));
  const int inner = grouped ? 3 : 2;
  auto batch = Broadcast(Leading(query, inner), Leading(key, inner));
  if (batch) batch = Broadcast(*batch, Leading(value, inner));
  if (!batch) {
    return c.Fail("ATTENTION_C5", "key", "the leading dimensions do not broadcast", TypeText(query),
                  TypeText(key));
  }
  if (grouped) batch->push_back(query.dim(-3));
  if (query.rank() == 4 && query.dim(1).IsConst(0)) {
    return c.Fail("ATTENTION_C9", "query", "PyTorch's kernel divides by the number of heads",
                  "1 head or more", TypeText(query));
  }
  const double p = c.Float("dropout_p");
  if (!(p >= 0 && p <= 1)) {
    return c.Fail("ATTENTION_C8", "dropout_p", "a probability is between 0 and 1", "0 to 1",
                  fmt::format("{}", p), "PARAM_RANGE");
  }
  RETURN_IF_ERROR(CheckMask(c, Join(*batch, query.dim(-2), key.dim(-2))));
  return c.Output({query.dtype, Join(*std::move(batch), query.dim(-2), value.dim(-1))});
}

// While training, at least.
bool Drops(const TypeContext& c) {
  const auto* training = c.arg("dropout_p").As<TrainingArg>();
  return training != nullptr ? training->value > 0 : c.Float("dropout_p") > 0;
}

}  // namespace

void AddAttention(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.scaled_dot_product_attention.default",
       .schema = "(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float "
                 "dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool "
                 "enable_gqa=False) -> Tensor",
       .infer = InferAttention,
       // Two products: scores, and their mix of the values.
       .flops =
           [](const TypeContext& c) {
             const TensorType& out = c.output(0);
             const Dim rows = TensorType{out.dtype, Leading(out, 1)}.Numel();
             return rows * c.tensor("key").dim(-2) * Dim(2) *
                    (c.tensor("query").dim(-1) + out.dim(-1));
           },
       .rules = {{"ATTENTION_C1", "query, key and value have rank 2 or more"},
                 {"ATTENTION_C2", "query, key and value are floating-point, of one element type"},
                 {"ATTENTION_C3", "query and key have one last dimension"},
                 {"ATTENTION_C4", "key and value have one length"},
                 {"ATTENTION_C5",
                  "the leading dimensions broadcast; with enable_gqa, the heads of "
                  "query are a multiple of those of key and value"},
                 {"ATTENTION_C6",
                  "attn_mask is bool or of query's type and broadcasts to the "
                  "scores"},
                 {"ATTENTION_C7", "attn_mask and is_causal exclude each other"},
                 {"ATTENTION_C8", "dropout_p is between 0 and 1"},
                 {"ATTENTION_C9", "in rank 4, there is a head"}},
       .random = true,
       .product = true,
       .saved = "query key value attn_mask result",
       // The logarithm of each row's sum. With dropout the CPU goes step by step: it keeps the
       // weights before and after, the mask, and query and key scaled.
       .workspace =
           [](const TypeContext& c) {
             const Dim rows = TensorType{c.output(0).dtype, Leading(c.output(0), 1)}.Numel();
             if (!Drops(c)) return rows;
             return rows * c.tensor("key").dim(-2) * Dim(3) + c.tensor("query").Numel() +
                    c.tensor("key").Numel();
           }});
}

}  // namespace graphkiln::ir::ops
