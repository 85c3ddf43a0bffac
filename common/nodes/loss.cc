// Losses of element with element. Node types like all others; the compiler appends the job's loss
// to the program. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/loss_common.h"

namespace graphkiln::nodes {
namespace {

constexpr LossTarget kLike = LossTarget::kLikeInput;

void Plain(Body& b, const char* op) {
  b.Return(b.Call(op, {b.In("input"), b.In("target"), ReductionCode(b)}));
}

void SmoothL1Body(Body& b) {
  // torch.nn.functional's own exception: without a bend it is L1.
  if (b.Float("beta") == 0) return Plain(b, "aten.l1_loss.default");
  b.Return(b.Call("aten.smooth_l1_loss.default",
                  {b.In("input"), b.In("target"), ReductionCode(b), b.Float("beta")}));
}

void KlDivBody(Body& b) {
  const ir::Argument input = b.In("input");
  const ir::Argument loss = b.Call("aten.kl_div.default",
                                   {input, b.In("target"), ReductionCode(b), b.Flag("log_target")});
  if (b.Text("reduction") != "batchmean" || b.TypeOf(input).rank() == 0) return b.Return(loss);
  b.Return(b.Call("aten.div.Scalar", {loss, b.TypeOf(input).dim(0)}));
}

// 0.5 * (log(var) + (input - target)^2 / var), where var is at least eps.
void GaussianBody(Body& b) {
  const ir::Argument input = b.In("input");
  const ir::Argument given = b.In("var");
  const ir::TensorType& type = b.TypeOf(input);
  const ir::TensorType& var_type = b.TypeOf(given);
  ir::TensorType wanted = var_type;
  // One variance for all elements of the last dimension may leave that dimension out.
  if (type.rank() == var_type.rank() + 1) wanted.shape.emplace_back(1);
  int shared = 0;  // dimensions whose elements have one variance
  bool fits = wanted.rank() == type.rank();
  for (int i = 0; fits && i < type.rank(); ++i) {
    if (wanted.dim(i) == type.dim(i)) continue;
    fits = wanted.dim(i).IsConst(1) && ++shared == 1;
  }
  if (!fits) {
    Failure failure;
    failure.rule = "GAUSSIAN_NLL_C1";
    failure.port = "var";
    failure.message = "var must have the shape of input, or 1 in one of its dimensions";
    failure.expected = ir::TypeText(type);
    failure.found = ir::TypeText(var_type);
    return b.Fail(std::move(failure));
  }
  if (b.TypeOf(b.In("target")).shape != type.shape) {
    Failure failure;
    failure.rule = "LOSS_C1";
    failure.port = "target";
    failure.message = "target must have the shape of the prediction";
    failure.expected = ir::TypeText(type);
    failure.found = ir::TypeText(b.TypeOf(b.In("target")));
    return b.Fail(std::move(failure));
  }
  if (!ir::IsFloating(var_type.dtype)) {
    Failure failure;
    failure.code = "DTYPE_MISMATCH";
    failure.rule = "GAUSSIAN_NLL_C2";
    failure.port = "var";
    failure.message = "a variance is floating-point";
    failure.expected = ir::TypeText(type);
    failure.found = ir::TypeText(var_type);
    return b.Fail(std::move(failure));
  }
  ir::Argument var = given;
  if (wanted.rank() != var_type.rank()) var = b.Call("aten.reshape.default", {var, wanted.shape});
  // The limit is invisible to the gradient, as in torch.
  const ir::Argument limited = b.Call("aten.clamp.default", {var, b.Float("eps")});
  const ir::Argument gap =
      b.Call("aten.detach.default", {b.Call("aten.sub.Tensor", {limited, var})});
  var = b.Call("aten.add.Tensor", {var, gap});
  const ir::Argument difference = b.Call("aten.sub.Tensor", {input, b.In("target")});
  const ir::Argument square = b.Call("aten.mul.Tensor", {difference, difference});
  ir::Argument loss = b.Call("aten.add.Tensor", {b.Call("aten.log.default", {var}),
                                                 b.Call("aten.div.Tensor", {square, var})});
  loss = b.Call("aten.mul.Scalar", {loss, 0.5});
  // Half of log(2 pi).
  if (b.Flag("full")) loss = b.Call("aten.add.Scalar", {loss, 0.91893853320467274178});
  b.Return(Join(b, loss));
}

// The negative logarithm of the probability, mean over the classes.
void MultiLabelSoftMarginBody(Body& b) {
  const ir::Argument input = b.In("input");
  const ir::Argument target = b.In("target");
  if (b.TypeOf(input).rank() == 0 || b.TypeOf(target).shape != b.TypeOf(input).shape) {
    Failure failure;
    failure.rule = "LOSS_C1";
    failure.port = b.TypeOf(input).rank() == 0 ? "input" : "target";
    failure.message = "target must have the shape of the prediction, which has a class dimension";
    failure.expected = ir::TypeText(b.TypeOf(input));
    failure.found = ir::TypeText(b.TypeOf(target));
    return b.Fail(std::move(failure));
  }
  const ir::Argument yes =
      b.Call("aten.mul.Tensor", {target, b.Call("aten.log_sigmoid.default", {input})});
  const ir::Argument opposite =
      b.Call("aten.log_sigmoid.default", {b.Call("aten.neg.default", {input})});
  const ir::Argument rest = b.Call("aten.add.Scalar", {b.Call("aten.neg.default", {target}), 1});
  const ir::Argument no = b.Call("aten.mul.Tensor", {rest, opposite});
  ir::Argument loss = b.Call("aten.neg.default", {b.Call("aten.add.Tensor", {yes, no})});
  const ir::Argument weight = b.ListBuffer("weight");
  if (!weight.IsNone()) loss = b.Call("aten.mul.Tensor", {loss, weight});
  loss = b.Call("aten.mean.dim", {loss, std::vector<int64_t>{-1}});
  b.Return(Join(b, loss));
}

void AddRegression(std::vector<NodeDef>& nodes) {
  const char* shape = "the prediction, [...]";
  const char* same = "of the prediction's shape";
  nodes.push_back(Loss(
      {"MSELoss", "nn.MSELoss", "Mean of squared differences."}, {Reduction()}, shape, same,
      [](Body& b) { Plain(b, "aten.mse_loss.default"); }, kLike));
  nodes.push_back(Loss(
      {"L1Loss", "nn.L1Loss", "Mean of absolute differences."}, {Reduction()}, shape, same,
      [](Body& b) { Plain(b, "aten.l1_loss.default"); }, kLike));
  nodes.push_back(Loss(
      {"HuberLoss", "nn.HuberLoss",
       "Half of the squared difference up to delta, delta times (the difference - "
       "delta / 2) beyond."},
      {Reduction(), Float("delta").Default(1.0).Above(0).Doc("where the square turns into a line")},
      shape, same,
      [](Body& b) {
        b.Return(b.Call("aten.huber_loss.default",
                        {b.In("input"), b.In("target"), ReductionCode(b), b.Float("delta")}));
      },
      kLike));
  nodes.push_back(Loss({"SmoothL1Loss", "nn.SmoothL1Loss",
                        "Squared difference / (2 beta) up to beta, the difference - beta / 2 "
                        "beyond."},
                       {Reduction(), Float("beta").Default(1.0).Min(0).Doc(
                                         "where the square turns into a line; 0 gives L1")},
                       shape, same, SmoothL1Body, kLike));
  nodes.push_back(Loss(
      {"PoissonNLLLoss", "nn.PoissonNLLLoss",
       "Negative log likelihood of counts that are Poisson distributed about the prediction."},
      {Bool("log_input").Default(ParamValue(true)).Doc("the input is the rate's logarithm"),
       Bool("full").Default(ParamValue(false)).Doc("adds Stirling's approximation of log(target!)"),
       Float("eps").Default(1e-8).Doc("added to the rate before its logarithm is taken"),
       Reduction()},
      "the expected count or its logarithm, [...]", "counts of the prediction's shape",
      [](Body& b) {
        b.Return(b.Call("aten.poisson_nll_loss.default",
                        {b.In("log_input"), b.In("target"), b.Flag("log_input"), b.Flag("full"),
                         b.Float("eps"), ReductionCode(b)}));
      },
      kLike));
  nodes.back().inputs[0].name = "log_input";
  nodes.push_back(
      Loss({"GaussianNLLLoss", "nn.GaussianNLLLoss",
            "Negative log likelihood of targets that are normally distributed with the "
            "predicted mean and variance. A negative variance counts as eps."},
           {Bool("full").Default(ParamValue(false)).Doc("adds the constant log(2 pi) / 2"),
            Float("eps").Default(1e-6).Above(0).Doc("smallest variance"), Reduction()},
           "the predicted mean, [...]", same, GaussianBody, kLike));
  nodes.back().inputs.push_back(
      {.name = "var",
       .doc = "the predicted variance, of input's shape or 1 in the last dimension"});
  nodes.back().example.inputs.emplace_back("float32[4, 3]");
}

void AddProbability(std::vector<NodeDef>& nodes) {
  nodes.push_back(Loss(
      {"KLDivLoss", "nn.KLDivLoss",
       "Kullback-Leibler divergence: target * (log(target) - input). The input is logarithms."},
      {Text("reduction")
           .Default("mean")
           .Choices({"none", "mean", "sum", "batchmean"})
           .Doc("how the elements are joined; batchmean divides the sum by the batch, which is the "
                "divergence's definition"),
       Bool("log_target").Default(ParamValue(false)).Doc("the target is logarithms, too")},
      "log-probabilities, [...]", "probabilities of the same shape", KlDivBody, kLike));
  nodes.push_back(Loss(
      {"BCELoss", "nn.BCELoss",
       "Binary cross entropy: -(target * log(input) + (1 - target) * log(1 - input))."},
      {ClassWeights("one factor per element of the last dimension"), Reduction()},
      "probabilities between 0 and 1, [...]", "numbers between 0 and 1 of the same shape",
      [](Body& b) {
        b.Return(b.Call("aten.binary_cross_entropy.default",
                        {b.In("input"), b.In("target"), b.ListBuffer("weight"), ReductionCode(b)}));
      },
      kLike));
  nodes.push_back(Loss(
      {"BCEWithLogitsLoss", "nn.BCEWithLogitsLoss",
       "Binary cross entropy of sigmoid(input), without overflow."},
      {ClassWeights("one factor per element of the last dimension"), Reduction(),
       Floats("pos_weight")
           .Nullable()
           .Tensor()
           .Doc("one factor of the positive targets per class, the last dimension")},
      "logits, [...]", "numbers between 0 and 1 of the same shape",
      [](Body& b) {
        const ir::Argument weight = b.ListBuffer("weight");
        const ir::Argument pos_weight = b.ListBuffer("pos_weight");
        b.Return(b.Call("aten.binary_cross_entropy_with_logits.default",
                        {b.In("input"), b.In("target"), weight, pos_weight, ReductionCode(b)}));
      },
      kLike));
  nodes.push_back(Loss(
      {"SoftMarginLoss", "nn.SoftMarginLoss", "log(1 + exp(-target * input))."}, {Reduction()},
      "the prediction, [...]", "1 or -1, of the same shape",
      [](Body& b) { Plain(b, "aten.soft_margin_loss.default"); }, kLike));
  nodes.push_back(Loss(
      {"HingeEmbeddingLoss", "nn.HingeEmbeddingLoss",
       "The input where target is 1, max(0, margin - input) where it is -1."},
      {Float("margin").Default(1.0).Doc("distance beyond which unlike pairs cost nothing"),
       Reduction()},
      "distances, [...]", "1 or -1, of the same shape",
      [](Body& b) {
        b.Return(b.Call("aten.hinge_embedding_loss.default",
                        {b.In("input"), b.In("target"), b.Float("margin"), ReductionCode(b)}));
      },
      kLike));
  nodes.push_back(Loss({"MultiLabelSoftMarginLoss", "nn.MultiLabelSoftMarginLoss",
                        "Binary cross entropy of sigmoid(input), mean over the classes."},
                       {ClassWeights("one factor per class"), Reduction()}, "logits, [..., C]",
                       "0 or 1 for each class, of the same shape", MultiLabelSoftMarginBody,
                       kLike));
}

}  // namespace

void AddLossNodes(std::vector<NodeDef>& nodes) {
  AddRegression(nodes);
  AddProbability(nodes);
}

}  // namespace graphkiln::nodes
