// Losses that compare several predictions. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/loss_common.h"

namespace graphkiln::nodes {
namespace {

NodeDef Comparison(const LossForm& form, std::vector<ParamSpec> params,
                   std::vector<PortSpec> inputs, void (*body)(Body&), LossTarget kind,
                   std::vector<std::string> example) {
  return {.name = form.name,
          .category = "loss",
          .doc = form.doc,
          .params = std::move(params),
          .inputs = std::move(inputs),
          .outputs = {{.doc = "a scalar; with reduction none, one value per comparison"}},
          .body = body,
          .python = Python::Module(form.python),
          .bypass = Bypass::NotAllowed(),
          .example = {.inputs = std::move(example), .outputs = {"float32[]"}},
          .target = kind};
}

std::vector<PortSpec> Triplet() {
  return {{.name = "anchor", .doc = "[..., N]"},
          {.name = "positive", .doc = "what anchor should be near to, of its shape"},
          {.name = "negative", .doc = "what anchor should be far from, of its shape"}};
}

// The distances by their names, and what Python writes for them: no comma outside of brackets,
// where a long line would be broken.
std::vector<std::string> DistanceNames() {
  return {"pairwise_distance", "manhattan_distance", "chebyshev_distance", "cosine_distance"};
}
std::vector<std::string> DistanceTexts() {
  return {"nn.functional.pairwise_distance",
          "lambda *v: nn.functional.pairwise_distance(*v, p=1.0)",
          "lambda *v: torch.sub(*v).abs().amax(dim=-1)",
          "lambda *v: 1.0 - nn.functional.cosine_similarity(*v, dim=-1)"};
}

ir::Argument Distance(Body& b, const ir::Argument& x, const ir::Argument& y) {
  const std::string& name = b.Text("distance_function");
  if (name == "manhattan_distance") return b.Call("aten.pairwise_distance.default", {x, y, 1.0});
  if (name == "chebyshev_distance") {
    const ir::Argument apart = b.Call("aten.abs.default", {b.Call("aten.sub.Tensor", {x, y})});
    return b.Call("aten.amax.default", {apart, std::vector<int64_t>{-1}});
  }
  if (name == "cosine_distance")
    return b.Call("aten.rsub.Scalar", {b.Call("aten.cosine_similarity.default", {x, y, -1}), 1.0});
  return b.Call("aten.pairwise_distance.default", {x, y});
}

void TripletDistanceBody(Body& b) {
  const ir::Argument positive = b.In("positive");
  const ir::Argument negative = b.In("negative");
  for (const char* port : {"positive", "negative"}) {
    if (b.TypeOf(b.In(port)) == b.TypeOf(b.In("anchor"))) continue;
    Failure failure;
    failure.rule = "PAIR_LOSS_C1";
    failure.port = port;
    failure.message = std::string(port) + " must have the type of anchor";
    failure.expected = ir::TypeText(b.TypeOf(b.In("anchor")));
    failure.found = ir::TypeText(b.TypeOf(b.In(port)));
    return b.Fail(std::move(failure));
  }
  const ir::Argument near = Distance(b, b.In("anchor"), positive);
  ir::Argument far = Distance(b, b.In("anchor"), negative);
  if (b.Flag("swap")) {
    far = b.Call("aten.minimum.default", {far, Distance(b, positive, negative)});
  }
  ir::Argument loss = b.Call("aten.add.Scalar", {near, b.Float("margin")});
  loss = b.Call("aten.sub.Tensor", {loss, far});
  b.Return(Join(b, b.Call("aten.clamp_min.default", {loss, 0})));
}

}  // namespace

void AddLossPairNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(Comparison(
      {"MarginRankingLoss", "nn.MarginRankingLoss",
       "max(0, -target * (input1 - input2) + margin)."},
      {Float("margin").Default(0.0).Doc("lead that the better one must have"), Reduction()},
      {{.name = "input1", .doc = "scores, [...]"},
       {.name = "input2", .doc = "scores of the same shape"},
       {.name = "target", .doc = "1 where input1 should be larger, -1 where input2; same shape"}},
      [](Body& b) {
        b.Return(b.Call(
            "aten.margin_ranking_loss.default",
            {b.In("input1"), b.In("input2"), b.In("target"), b.Float("margin"), ReductionCode(b)}));
      },
      LossTarget::kLikeInput, {"float32[4]", "float32[4]", "float32[4]"}));
  nodes.push_back(Comparison(
      {"CosineEmbeddingLoss", "nn.CosineEmbeddingLoss",
       "1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1."},
      {Float("margin").Default(0.0).Doc("cosine below which unlike pairs cost nothing, -1 to 1"),
       Reduction()},
      {{.name = "input1", .doc = "[B, N] or [N]"},
       {.name = "input2", .doc = "of the same shape"},
       {.name = "target", .doc = "1 for like pairs, -1 for unlike ones; [B] or []"}},
      [](Body& b) {
        b.Return(b.Call(
            "aten.cosine_embedding_loss.default",
            {b.In("input1"), b.In("input2"), b.In("target"), b.Float("margin"), ReductionCode(b)}));
      },
      LossTarget::kNone, {"float32[4, 3]", "float32[4, 3]", "int64[4]"}));
  nodes.push_back(Comparison(
      {"TripletMarginLoss", "nn.TripletMarginLoss",
       "max(0, d(anchor, positive) - d(anchor, negative) + margin) with the p-norm as distance d."},
      {Float("margin").Default(1.0).Above(0).Doc("how much nearer the positive must be"),
       Float("p").Default(2.0).Doc("degree of the norm"),
       Float("eps").Default(1e-6).Doc("added to the differences, against division by 0"),
       Bool("swap")
           .Default(ParamValue(false))
           .Doc("the positive's distance to the negative counts where it is smaller"),
       Reduction()},
      Triplet(),
      [](Body& b) {
        b.Return(b.Call("aten.triplet_margin_loss.default",
                        {b.In("anchor"), b.In("positive"), b.In("negative"), b.Float("margin"),
                         b.Float("p"), b.Float("eps"), b.Flag("swap"), ReductionCode(b)}));
      },
      LossTarget::kNone, {"float32[4, 3]", "float32[4, 3]", "float32[4, 3]"}));
  nodes.push_back(Comparison(
      {"TripletMarginWithDistanceLoss", "nn.TripletMarginWithDistanceLoss",
       "max(0, d(anchor, positive) - d(anchor, negative) + margin) with a distance d by name."},
      {Text("distance_function")
           .Nullable()
           .Choices(DistanceNames())
           .Spelled(DistanceTexts())
           .Doc("the distance of two vectors; null is the Euclidean one, pairwise_distance"),
       Float("margin").Default(1.0).Above(0).Doc("how much nearer the positive must be"),
       Bool("swap")
           .Default(ParamValue(false))
           .Doc("the positive's distance to the negative counts where it is smaller"),
       Reduction()},
      Triplet(), TripletDistanceBody, LossTarget::kNone,
      {"float32[4, 3]", "float32[4, 3]", "float32[4, 3]"}));
}

}  // namespace graphkiln::nodes
