// Batch and instance normalisation: statistics per channel. Names, parameters and defaults are
// torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/ranks.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

using ir::Initializer;

std::vector<ParamSpec> StatisticsParams(int channel_dim, bool batch) {
  ParamSpec momentum =
      Float("momentum")
          .Default(0.1)
          .Nullable()
          .Doc(batch ? "share of the new batch in the running statistics; null: all batches alike"
                     : "share of the new batch in the running statistics; null: none");
  return {
      Int("num_features").InferredFrom("input", channel_dim).Min(1).Doc("channels of the input"),
      batch ? Float("eps").Default(1e-5).Above(0).Doc("added to the variance")
            : Float("eps").Default(1e-5).Min(0).Doc("added to the variance"),
      std::move(momentum), Bool("affine").Default(ParamValue(batch)).Doc("learned scale and shift"),
      Bool("track_running_stats")
          .Default(ParamValue(batch))
          .Doc("keeps statistics for evaluation")};
}

struct Statistics {
  ir::Argument weight, bias, mean, var, batches;
};

Statistics Declare(Body& b) {
  const int64_t n = b.Int("num_features");
  Statistics s;
  if (b.Flag("affine")) {
    s.weight = b.Weight("weight", {n}, Initializer::Constant(1));
    s.bias = b.Weight("bias", {n}, Initializer::Constant(0));
  }
  if (b.Flag("track_running_stats")) {
    s.mean = b.Buffer("running_mean", {n}, Initializer::Constant(0));
    s.var = b.Buffer("running_var", {n}, Initializer::Constant(1));
    s.batches = b.Buffer("num_batches_tracked", {}, Initializer::Constant(0), v1::DATA_TYPE_INT64);
  }
  return s;
}

// The batch's own statistics serve always: one value has no deviation.
bool HasDeviation(Body& b) {
  const ir::TensorType type = b.TypeOf(b.In("input"));
  ir::Dim count(1);
  for (int i = 0; i < type.rank(); ++i) {
    if (i != 1) count = count * type.dim(i);
  }
  if (b.AtLeast(count, 2)) return true;
  Failure failure;
  failure.rule = "BATCH_NORM_C4";
  failure.port = "input";
  failure.message = "one value per channel has no deviation";
  failure.expected = "more than one value per channel, or track_running_stats";
  failure.found = ir::TypeText(type);
  b.Fail(std::move(failure));
  return false;
}

void BatchNormBody(Body& b) {
  const Statistics s = Declare(b);
  ir::Argument momentum = b.Float("momentum");
  // Without running statistics, those of the batch serve in evaluation, too.
  ir::Argument training = true;
  if (b.Flag("track_running_stats")) {
    training = ir::TrainingArg{};
    const auto count = b.Call("aten.add_.Scalar", {s.batches, ir::TrainingArg{}});
    if (b.IsNull("momentum")) {
      // The cumulative mean: the n-th batch has weight 1/n.
      momentum = b.Call("aten.item.default", {b.Call("aten.reciprocal.default", {count})});
    }
  } else {
    if (!HasDeviation(b)) return;
    if (b.IsNull("momentum")) momentum = 0.0;
  }
  b.Return(b.Call("aten.batch_norm.default", {b.In("input"), s.weight, s.bias, s.mean, s.var,
                                              training, momentum, b.Float("eps"), true}));
}

// torch counts no batches here.
void InstanceNormBody(Body& b, int spatial) {
  if (!CheckRank(b, "INSTANCE_NORM_C1", {spatial + 1, spatial + 2})) return;
  const Statistics s = Declare(b);
  const ir::Argument own =
      b.Flag("track_running_stats") ? ir::Argument(ir::TrainingArg{}) : ir::Argument(true);
  WithBatch(b, spatial + 1, [&](const ir::Argument& input) {
    return b.Call("aten.instance_norm.default", {input, s.weight, s.bias, s.mean, s.var, own,
                                                 b.Float("momentum"), b.Float("eps"), true});
  });
}

struct Form {
  std::string_view name, python, doc, shape, example;
};

NodeDef BatchNorm(const Form& form, void (*body)(Body&)) {
  return {
      .name = form.name,
      .category = "norm",
      .doc = form.doc,
      .params = StatisticsParams(1, true),
      .inputs = {{.name = "input", .doc = std::string(form.shape)}},
      .outputs = {{.doc = "of the input's shape"}},
      .body = body,
      .python = Python::Module(form.python),
      .example = {.inputs = {std::string(form.example)}, .outputs = {std::string(form.example)}}};
}

NodeDef InstanceNorm(const Form& form, int spatial, void (*body)(Body&)) {
  NodeDef def = BatchNorm(form, body);
  def.params = StatisticsParams(-1 - spatial, false);
  return def;
}

}  // namespace

void AddNormNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(BatchNorm({"BatchNorm1d", "nn.BatchNorm1d",
                             "Batch normalisation of [B, C] or [B, C, L] per channel: (x - mean) / "
                             "sqrt(var + eps) * weight + bias.",
                             "[B, num_features] or [B, num_features, L]", "float32[4, 3]"},
                            [](Body& b) {
                              if (CheckRank(b, "BATCH_NORM_C1", {2, 3})) BatchNormBody(b);
                            }));
  nodes.push_back(BatchNorm({"BatchNorm2d", "nn.BatchNorm2d",
                             "Batch normalisation of [B, C, H, W] per channel: (x - mean) / "
                             "sqrt(var + eps) * weight + bias.",
                             "[B, num_features, H, W]", "float32[4, 3, 5, 5]"},
                            [](Body& b) {
                              if (CheckRank(b, "BATCH_NORM_C1", {4})) BatchNormBody(b);
                            }));
  nodes.push_back(BatchNorm({"BatchNorm3d", "nn.BatchNorm3d",
                             "Batch normalisation of [B, C, D, H, W] per channel: (x - mean) / "
                             "sqrt(var + eps) * weight + bias.",
                             "[B, num_features, D, H, W]", "float32[4, 3, 2, 5, 5]"},
                            [](Body& b) {
                              if (CheckRank(b, "BATCH_NORM_C1", {5})) BatchNormBody(b);
                            }));
  nodes.push_back(BatchNorm({"SyncBatchNorm", "nn.SyncBatchNorm",
                             "Batch normalisation of [B, C, ...] per channel. On one device it is "
                             "BatchNorm; over several, the statistics are those of all of them.",
                             "[B, num_features, ...]", "float32[4, 3, 5, 5]"},
                            BatchNormBody));
  nodes.push_back(InstanceNorm({"InstanceNorm1d", "nn.InstanceNorm1d",
                                "Normalises each channel of each sequence: (x - mean) / sqrt(var + "
                                "eps), with scale and shift where affine.",
                                "[B, num_features, L] or [num_features, L]", "float32[2, 3, 8]"},
                               1, [](Body& b) { InstanceNormBody(b, 1); }));
  nodes.push_back(
      InstanceNorm({"InstanceNorm2d", "nn.InstanceNorm2d",
                    "Normalises each channel of each image: (x - mean) / sqrt(var + "
                    "eps), with scale and shift where affine.",
                    "[B, num_features, H, W] or [num_features, H, W]", "float32[2, 3, 4, 4]"},
                   2, [](Body& b) { InstanceNormBody(b, 2); }));
  nodes.push_back(InstanceNorm(
      {"InstanceNorm3d", "nn.InstanceNorm3d",
       "Normalises each channel of each volume: (x - mean) / sqrt(var + "
       "eps), with scale and shift where affine.",
       "[B, num_features, D, H, W] or [num_features, D, H, W]", "float32[2, 3, 2, 4, 4]"},
      3, [](Body& b) { InstanceNormBody(b, 3); }));
}

}  // namespace graphkiln::nodes
