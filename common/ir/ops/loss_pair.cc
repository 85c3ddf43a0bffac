// Losses that compare several predictions, and CTC. `reduction` is at::Reduction.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/loss_rules.h"
#include "common/ir/ops/window.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// `arg` must equal the first prediction in shape and be floating-point.
absl::Status Alike(TypeContext& c, std::string_view arg) {
  const std::string_view first = c.op().args[0].name;
  RETURN_IF_ERROR(c.Floating("PAIR_LOSS_C2", first));
  if (c.tensor(arg) == c.tensor(first)) return absl::OkStatus();
  return c.Fail("PAIR_LOSS_C1", arg, fmt::format("{} must have the type of {}", arg, first),
                TypeText(c.tensor(first)), TypeText(c.tensor(arg)));
}

absl::Status InferMarginRanking(TypeContext& c) {
  const TensorType& first = c.tensor("input1");
  RETURN_IF_ERROR(Alike(c, "input2"));
  if (c.tensor("target").shape != first.shape) {
    return c.Fail("PAIR_LOSS_C3", "target", "target must have the shape of the predictions",
                  TypeText(first), TypeText(c.tensor("target")));
  }
  if (c.tensor("target").dtype == v1::DATA_TYPE_BOOL) {
    return c.Fail("PAIR_LOSS_C3", "target", "target is 1 or -1, no truth value", TypeText(first),
                  TypeText(c.tensor("target")), "DTYPE_MISMATCH");
  }
  return Reduced(c, first.WithDType(Promote(first.dtype, c.tensor("target").dtype)));
}

absl::Status InferCosineEmbedding(TypeContext& c) {
  const TensorType& first = c.tensor("input1");
  const TensorType& target = c.tensor("target");
  RETURN_IF_ERROR(Alike(c, "input2"));
  RETURN_IF_ERROR(c.Rank("PAIR_LOSS_C4", "input1", {1, 2}));
  TensorType rows = first;
  rows.shape.pop_back();
  if (target.shape != rows.shape) {
    return c.Fail("PAIR_LOSS_C3", "target", "target must be 1 or -1 for each pair of rows",
                  TypeText(rows), TypeText(target));
  }
  return Reduced(c, std::move(rows));
}

absl::Status InferTripletMargin(TypeContext& c) {
  const TensorType& anchor = c.tensor("anchor");
  RETURN_IF_ERROR(Alike(c, "positive"));
  RETURN_IF_ERROR(Alike(c, "negative"));
  TensorType rows = anchor;
  if (rows.rank() > 0) rows.shape.pop_back();
  return Reduced(c, std::move(rows));
}

// Log-probabilities [T, N, C] or [T, C]; targets [N, S], or all of them in one row.
absl::Status CheckCtc(TypeContext& c) {
  const TensorType& scores = c.tensor("log_probs");
  const TensorType& targets = c.tensor("targets");
  RETURN_IF_ERROR(c.Floating("CTC_C1", "log_probs"));
  RETURN_IF_ERROR(c.Rank("CTC_C2", "log_probs", {2, 3}));
  RETURN_IF_ERROR(NonEmpty(c, "CTC_C7", "log_probs", 0));
  const int64_t blank = c.Int("blank");
  const Dim& classes = scores.dim(-1);
  if (blank < 0 || !c.AtLeast(classes - Dim(1), blank)) {
    return c.Fail("CTC_C3", "blank", "blank must be a class",
                  fmt::format("0 to {}", (classes - Dim(1)).ToString()), fmt::format("{}", blank),
                  "PARAM_RANGE");
  }
  const bool batch = scores.rank() == 3;
  const Dim sequences = batch ? scores.dim(1) : Dim(1);
  const bool fits = targets.rank() == 1 || (targets.rank() == 2 && targets.dim(0) == sequences);
  if (!fits) {
    return c.Fail("CTC_C4", "targets", "targets must hold one row of classes for each sequence",
                  fmt::format("[{}, S] or [S]", sequences.ToString()), TypeText(targets));
  }
  if (!IsIntegral(targets.dtype)) {
    return c.Fail("CTC_C5", "targets", "targets must be whole numbers", "int64 or int32",
                  TypeText(targets), "DTYPE_MISMATCH");
  }
  for (const char* arg : {"input_lengths", "target_lengths"}) {
    const ValueId* value = c.arg(arg).As<ValueId>();
    if (value == nullptr) {
      const size_t count = c.Ints(arg).size();
      if (!batch ? count == 1 : scores.dim(1).IsConst(static_cast<int64_t>(count))) {
        continue;
      }
      return c.Fail("CTC_C6", arg, "there is one length for each sequence",
                    batch ? scores.dim(1).ToString() : "1", fmt::format("{}", count));
    }
    const TensorType& lengths = c.tensor(arg);
    const bool one_each = batch ? lengths.rank() == 1 && lengths.dim(0) == scores.dim(1)
                                : lengths.rank() <= 1 && lengths.Numel().IsConst(1);
    if (one_each && IsIntegral(lengths.dtype)) continue;
    return c.Fail("CTC_C6", arg, "there is one length for each sequence",
                  batch ? fmt::format("int64[{}]", scores.dim(1).ToString()) : "int64[]",
                  TypeText(lengths));
  }
  return absl::OkStatus();
}

absl::Status InferCtc(TypeContext& c) {
  RETURN_IF_ERROR(CheckCtc(c));
  const TensorType& scores = c.tensor("log_probs");
  TensorType each{scores.dtype, {}};
  if (scores.rank() == 3) each.shape.push_back(scores.dim(1));
  return Reduced(c, std::move(each));
}

OpDef Pair(std::string_view name, std::string_view schema, absl::Status (*infer)(TypeContext&),
           std::string_view saved) {
  return {.name = name,
          .schema = schema,
          .infer = infer,
          .flops = PerPrediction<6>,
          .rules = {{"PAIR_LOSS_C1", "the predictions have one type"},
                    {"PAIR_LOSS_C2", "the predictions are floating-point"}},
          .saved = saved};
}

OpDef Ctc(std::string_view name, std::string_view schema) {
  return {.name = name,
          .schema = schema,
          .infer = InferCtc,
          .flops = PerPrediction<8>,
          .rules = {{"CTC_C1", "the log-probabilities are floating-point"},
                    {"CTC_C2", "the log-probabilities have rank 2 or 3"},
                    {"CTC_C3", "blank is a class"},
                    {"CTC_C4", "there is one row of targets for each sequence"},
                    {"CTC_C5", "targets are whole numbers"},
                    {"CTC_C6", "there is one length for each sequence"},
                    {"CTC_C7", "there are steps, sequences and classes"}},
          .saved = "log_probs targets"};
}

}  // namespace

void AddLossPair(std::vector<OpDef>& ops) {
  const Rule target = {"PAIR_LOSS_C3", "target has one value for each comparison"};
  ops.push_back(Pair("aten.margin_ranking_loss.default",
                     "(Tensor input1, Tensor input2, Tensor target, float margin=0., int "
                     "reduction=Mean) -> Tensor",
                     InferMarginRanking, "input1 input2 target"));
  ops.back().rules.push_back(target);
  ops.push_back(Pair("aten.cosine_embedding_loss.default",
                     "(Tensor input1, Tensor input2, Tensor target, float margin=0., int "
                     "reduction=Mean) -> Tensor",
                     InferCosineEmbedding, "input1 input2 target"));
  ops.back().rules.push_back(target);
  ops.back().rules.push_back({"PAIR_LOSS_C4", "the predictions have rank 1 or 2"});
  ops.push_back(Pair("aten.triplet_margin_loss.default",
                     "(Tensor anchor, Tensor positive, Tensor negative, float margin=1., float "
                     "p=2., float eps=1e-06, bool swap=False, int reduction=Mean) -> Tensor",
                     InferTripletMargin, "anchor positive negative"));
  ops.push_back(Ctc("aten.ctc_loss.Tensor",
                    "(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor "
                    "target_lengths, int blank=0, int reduction=Mean, bool zero_infinity=False) -> "
                    "Tensor"));
  ops.push_back(Ctc("aten.ctc_loss.IntList",
                    "(Tensor log_probs, Tensor targets, int[] input_lengths, int[] "
                    "target_lengths, int blank=0, int reduction=Mean, bool zero_infinity=False) -> "
                    "Tensor"));
}

}  // namespace graphkiln::ir::ops
