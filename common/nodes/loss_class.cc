// Losses over classes. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/loss_common.h"

namespace graphkiln::nodes {
namespace {

ParamSpec IgnoreIndex() {
  return Int("ignore_index").Default(-100).Doc("class index that does not count");
}

void NllBody(Body& b) {
  const ir::Argument weight = b.ListBuffer("weight");
  b.Return(b.Call("aten.nll_loss_nd.default", {b.In("input"), b.In("target"), weight,
                                               ReductionCode(b), b.Int("ignore_index")}));
}

void CtcBody(Body& b) {
  b.Return(
      b.Call("aten.ctc_loss.Tensor",
             {b.In("log_probs"), b.In("targets"), b.In("input_lengths"), b.In("target_lengths"),
              b.Int("blank"), ReductionCode(b), b.Flag("zero_infinity")}));
}

}  // namespace

void AddLossClassNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(Loss(
      {"CrossEntropyLoss", "nn.CrossEntropyLoss",
       "Cross entropy between logits [B, C, ...] and class indices [B, ...] (int64), or "
       "probabilities [B, C, ...]."},
      {ClassWeights("one factor per class"), IgnoreIndex(), Reduction(),
       Float("label_smoothing")
           .Default(0)
           .Range(0, 1)
           .Doc("share of the target spread over all classes")},
      "logits [B, C, ...] or [C]", "class indices [B, ...], or probabilities [B, C, ...]",
      [](Body& b) {
        const ir::Argument weight = b.ListBuffer("weight");
        b.Return(b.Call("aten.cross_entropy_loss.default",
                        {b.In("input"), b.In("target"), weight, ReductionCode(b),
                         b.Int("ignore_index"), b.Float("label_smoothing")}));
      },
      LossTarget::kClass));
  for (const char* name : {"NLLLoss", "NLLLoss2d"}) {
    const bool image = name[7] != '\0';
    nodes.push_back(
        Loss({name, "nn.NLLLoss",
              image ? "NLLLoss under its old name for images."
                    : "Negative log likelihood: -input at the target's class. After LogSoftmax it "
                      "is CrossEntropyLoss."},
             {ClassWeights("one factor per class"), IgnoreIndex(), Reduction()},
             "log-probabilities [B, C, ...] or [C]", "class indices [B, ...], int64", NllBody,
             LossTarget::kClass));
  }
  nodes.push_back(Loss(
      {"MultiMarginLoss", "nn.MultiMarginLoss",
       "Sum over the other classes of max(0, margin - input[target] + input[other])^p, divided by "
       "the number of classes."},
      {Int("p").Default(1).Range(1, 2).Doc("exponent, 1 or 2"),
       Float("margin").Default(1.0).Doc("lead that the right class must have"),
       ClassWeights("one factor per class"), Reduction()},
      "scores [B, C] or [C]", "class indices [B], int64",
      [](Body& b) {
        const ir::Argument weight = b.ListBuffer("weight");
        b.Return(b.Call("aten.multi_margin_loss.default",
                        {b.In("input"), b.In("target"), b.Int("p"), b.Float("margin"), weight,
                         ReductionCode(b)}));
      },
      LossTarget::kClass));
  nodes.push_back(Loss(
      {"MultiLabelMarginLoss", "nn.MultiLabelMarginLoss",
       "MultiMarginLoss for several right classes; each row of targets lists them and ends at -1."},
      {Reduction()}, "scores [B, C] or [C]", "class indices of the same shape, int64, filled by -1",
      [](Body& b) {
        b.Return(b.Call("aten.multilabel_margin_loss.default",
                        {b.In("input"), b.In("target"), ReductionCode(b)}));
      },
      LossTarget::kNone));
  nodes.back().example.inputs[1] = "int64[4, 3]";
  nodes.push_back(
      {.name = "CTCLoss",
       .category = "loss",
       .doc = "Connectionist temporal classification: the probability of a sequence of classes, "
              "summed over all its alignments with the time steps.",
       .params = {Int("blank").Default(0).Min(0).Doc("the class that stands for nothing"),
                  Reduction(),
                  Bool("zero_infinity")
                      .Default(ParamValue(false))
                      .Doc("infinite losses, of targets longer than their input, count as 0")},
       .inputs = {{.name = "log_probs", .doc = "log-probabilities [T, B, C] or [T, C]"},
                  {.name = "targets",
                   .doc = "classes [B, S], or of all sequences in one row; whole numbers"},
                  {.name = "input_lengths", .doc = "[B] whole numbers, at most T"},
                  {.name = "target_lengths", .doc = "[B] whole numbers, at most S"}},
       .outputs = {{.doc = "a scalar; with reduction none, [B]"}},
       .body = CtcBody,
       .python = Python::Module("nn.CTCLoss"),
       .bypass = Bypass::NotAllowed(),
       .example = {.inputs = {"float32[6, 2, 5]", "int64[2, 3]", "int64[2]", "int64[2]"},
                   .outputs = {"float32[]"}}});
}

}  // namespace graphkiln::nodes
