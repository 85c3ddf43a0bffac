// AdaptiveLogSoftmaxWithLoss: a softmax over very many classes, most of them rare.
#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/whole.h"
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

void Fail(Body& b, const char* code, const char* rule, const char* port, const char* param,
          std::string message, std::string expected, std::string found) {
  Failure failure;
  failure.code = code;
  failure.rule = rule;
  failure.port = port;
  failure.param = param;
  failure.message = std::move(message);
  failure.expected = std::move(expected);
  failure.found = std::move(found);
  b.Fail(std::move(failure));
}

bool CheckCutoffs(Body& b, const std::vector<int64_t>& cutoffs) {
  const int64_t classes = b.Int("n_classes");
  bool fits = !cutoffs.empty();
  for (size_t i = 0; i < cutoffs.size(); ++i) {
    fits = fits && cutoffs[i] > (i == 0 ? 0 : cutoffs[i - 1]) && cutoffs[i] < classes;
  }
  if (fits) return true;
  Fail(b, "PARAM_RANGE", "ADAPTIVE_C1", "", "cutoffs",
       "cutoffs must rise from 1 to n_classes - 1, each once",
       fmt::format("1 to {}, rising", classes - 1), ToPython(*b.params().Find("cutoffs")));
  return false;
}

// [B, in] and [B], or [in] and [].
bool CheckInputs(Body& b) {
  const ir::TensorType& input = b.TypeOf(b.In("input_"));
  const ir::TensorType& target = b.TypeOf(b.In("target_"));
  ir::TensorType rows = input;
  if (input.rank() > 0) rows.shape.pop_back();
  if (input.rank() != 1 && input.rank() != 2) {
    Fail(b, "RANK_MISMATCH", "ADAPTIVE_C2", "input_", "", "input_ must have rank 1 or 2",
         "rank 1 or rank 2", ir::TypeText(input));
  } else if (target.shape != rows.shape || target.dtype != v1::DATA_TYPE_INT64) {
    Fail(b, "SHAPE_MISMATCH", "ADAPTIVE_C3", "target_", "",
         "target_ must hold one class index for each row",
         ir::TypeText(rows.WithDType(v1::DATA_TYPE_INT64)), ir::TypeText(target));
  }
  return b.ok();
}

// scores[..., index] for one index in each row: what a negative log likelihood without a mean is.
ir::Argument PickClass(Body& b, const ir::Argument& scores, const ir::Argument& index) {
  const ir::Argument negative =
      b.Call("aten.nll_loss_nd.default", {scores, index, ir::Argument(), 0});
  return b.Call("aten.neg.default", {negative});
}

// torch looks only at the clusters that occur and so depends on the data; here every cluster is
// computed for every row and the right one is chosen, which gives the same values and gradients.
void AdaptiveBody(Body& b) {
  std::vector<int64_t> cutoffs = b.Ints("cutoffs");
  if (!CheckCutoffs(b, cutoffs) || !CheckInputs(b)) return;
  const int64_t in = b.Int("in_features");
  const int64_t shortlist = cutoffs[0];
  const int64_t clusters = static_cast<int64_t>(cutoffs.size());
  cutoffs.push_back(b.Int("n_classes"));
  const int64_t head_size = shortlist + clusters;
  const ir::Argument input = b.In("input_");
  const ir::Argument target = b.In("target_");
  const auto head_weight = b.Weight("head.weight", {head_size, in}, KaimingUniform(in));
  const auto head_bias =
      b.Flag("head_bias") ? b.Weight("head.bias", {head_size}, UniformByWidth(in)) : ir::Argument();
  const ir::Argument head = b.Call(
      "aten.log_softmax.int", {b.Call("aten.linear.default", {input, head_weight, head_bias}), -1});
  // A rare class stands in the head as its cluster.
  ir::Argument output =
      PickClass(b, head, b.Call("aten.clamp.default", {target, 0, shortlist - 1}));
  for (int64_t i = 0; b.ok() && i < clusters; ++i) {
    const int64_t low = cutoffs[static_cast<size_t>(i)];
    const int64_t size = cutoffs[static_cast<size_t>(i) + 1] - low;
    const auto narrow =
        SaturatedInt64(std::floor(static_cast<double>(in) / std::pow(b.Float("div_value"), i + 1)));
    const auto down =
        b.Weight(fmt::format("tail.{}.0.weight", i), {narrow, in}, KaimingUniform(in));
    const auto up =
        b.Weight(fmt::format("tail.{}.1.weight", i), {size, narrow}, KaimingUniform(narrow));
    ir::Argument scores = b.Call("aten.linear.default", {input, down});
    scores = b.Call("aten.linear.default", {scores, up});
    scores = b.Call("aten.log_softmax.int", {scores, -1});
    const ir::Argument relative = b.Call("aten.sub.Scalar", {target, low});
    const ir::Argument index = b.Call("aten.clamp.default", {relative, 0, size - 1});
    const ir::Argument cluster = b.Call("aten.select.int", {head, -1, shortlist + i});
    const ir::Argument here = b.Call("aten.add.Tensor", {PickClass(b, scores, index), cluster});
    // Later clusters overwrite: all classes from `low` on that no later one claims.
    output = b.Call("aten.where.self", {b.Call("aten.ge.Scalar", {target, low}), here, output});
  }
  b.Return("output", output);
  const ir::Argument mean = b.Call("aten.mean.default", {output});
  b.Return("loss", b.Call("aten.neg.default", {mean}));
}

}  // namespace

void AddAdaptiveSoftmaxNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "AdaptiveLogSoftmaxWithLoss",
       .category = "loss",
       .doc =
           "Softmax over many classes, ordered from frequent to rare: the first ones in full "
           "width, the others in clusters of ever smaller width. Gives each row's log-probability "
           "of its class and their negative mean.",
       .params =
           {Int("in_features").InferredFrom("input_", -1).Min(1).Doc("size of each input sample"),
            Int("n_classes").Required().Min(2).Doc("number of classes"),
            Ints("cutoffs").Required().Min(1).Doc("class indices at which the clusters begin"),
            Float("div_value")
                .Default(4.0)
                .Min(1e-3)
                .Doc("each cluster is this much narrower than the one before"),
            Bool("head_bias").Default(ParamValue(false)).Doc("adds a learned bias to the head")},
       .inputs = {{.name = "input_", .doc = "[B, in_features] or [in_features]"},
                  {.name = "target_", .doc = "class indices [B] or [], int64"}},
       .outputs = {{.name = "output",
                    .doc = "log-probability of each row's class, [B] or []",
                    .path = {0}},
                   {.name = "loss", .doc = "negative mean of output, a scalar", .path = {1}}},
       .body = AdaptiveBody,
       .python = Python::Module("nn.AdaptiveLogSoftmaxWithLoss"),
       .bypass = Bypass::NotAllowed(),
       .example = {.inputs = {"float32[4, 16]", "int64[4]"},
                   .params = {{"n_classes", int64_t{20}}, {"cutoffs", std::vector<int64_t>{5, 10}}},
                   .outputs = {"float32[4]", "float32[]"}}});
}

}  // namespace graphkiln::nodes
