// Look-up tables. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

void Fail(Body& b, const char* rule, const char* param, std::string message, std::string expected) {
  Failure failure;
  failure.code = "PARAM_RANGE";
  failure.rule = rule;
  failure.param = param;
  failure.message = std::move(message);
  failure.expected = std::move(expected);
  failure.found = ToPython(*b.params().Find(param));
  b.Fail(std::move(failure));
}

// The row that never learns, or -1; fails the body where there is no such row.
int64_t PaddingRow(Body& b) {
  if (b.IsNull("padding_idx")) return -1;
  const int64_t rows = b.Int("num_embeddings");
  const int64_t padding = b.Int("padding_idx");
  if (padding < -rows || padding >= rows) {
    Fail(b, "EMBEDDING_C2", "padding_idx", "padding_idx must name a row",
         fmt::format("{} to {}", -rows, rows - 1));
    return -1;
  }
  return padding < 0 ? padding + rows : padding;
}

// The table, after max_norm: PyTorch scales rows that are too long in place, before they are looked
// up, in evaluation too. The program does the same, so the stored weights change.
ir::Argument Table(Body& b, int64_t padding, const ir::Argument& indices) {
  if (b.Flag("sparse")) {
    Failure failure;
    failure.code = "UNSUPPORTED";
    failure.rule = "EMBEDDING_C4";
    failure.param = "sparse";
    failure.message = "sparse gradients are not available: no optimizer here takes them";
    failure.expected = "false";
    failure.found = "true";
    failure.suggested.emplace().set_bool_value(false);
    b.Fail(std::move(failure));
    return {};
  }
  ir::Initializer init = ir::Initializer::Normal(0, 1);
  if (padding >= 0) init.zero_row = padding;
  const auto weight = b.Weight("weight", {b.Int("num_embeddings"), b.Int("embedding_dim")}, init);
  if (!b.IsNull("max_norm")) {
    b.Call("aten.embedding_renorm_.default",
           {weight, indices, b.Float("max_norm"), b.Float("norm_type")});
  }
  return weight;
}

ParamSpec MaxNorm() {
  return Float("max_norm")
      .Nullable()
      .Above(0)
      .Doc("rows that are longer are scaled down, in the table, when they are looked up");
}
ParamSpec NormType() {
  return Float("norm_type").Default(2.0).Above(0).Doc("p of the p-norm for max_norm");
}
ParamSpec ScaleGrad() {
  return Bool("scale_grad_by_freq")
      .Default(ParamValue(false))
      .Doc("divides gradients by how often a row was looked up");
}
ParamSpec Sparse() {
  return Bool("sparse").Default(ParamValue(false)).Doc("sparse gradients; only false is possible");
}
ParamSpec PaddingIdx() {
  return Int("padding_idx").Nullable().Doc("row that starts as zero and never learns");
}

void EmbeddingBody(Body& b) {
  const int64_t padding = PaddingRow(b);
  const auto weight = Table(b, padding, b.In("input"));
  b.Return(b.Call("aten.embedding.default", {weight, b.In("input"), padding,
                                             b.Flag("scale_grad_by_freq"), b.Flag("sparse")}));
}

void BagFailure(Body& b, const char* port, std::string message, std::string expected,
                std::string found, const char* code) {
  Failure failure;
  failure.code = code;
  failure.rule = "EMBEDDING_BAG_C6";
  failure.port = port;
  failure.message = std::move(message);
  failure.expected = std::move(expected);
  failure.found = std::move(found);
  b.Fail(std::move(failure));
}

void EmbeddingBagBody(Body& b) {
  ir::Argument indices = b.In("input");
  ir::Argument offsets = b.In("offsets");
  ir::Argument scale = b.In("per_sample_weights");
  const ir::TensorType type = b.TypeOf(indices);
  bool last_offset = b.Flag("include_last_offset");
  if (!scale.IsNone() && b.TypeOf(scale).shape != type.shape) {
    return BagFailure(b, "per_sample_weights", "there is one weight per index",
                      ir::ShapeText(type.shape), ir::TypeText(b.TypeOf(scale)), "SHAPE_MISMATCH");
  }
  if (type.rank() == 2) {
    if (!offsets.IsNone()) {
      return BagFailure(b, "offsets", "rows of [B, N] are bags already; offsets must be absent",
                        "nothing, or input of rank 1", ir::TypeText(type), "ARITY");
    }
    offsets = b.Call("aten.arange.start_step", {0, type.dim(0) * type.dim(1), type.dim(1),
                                                type.dtype, ir::Argument(), ir::DeviceArg{}});
    last_offset = false;
    const ir::Shape flat = {type.dim(0) * type.dim(1)};
    indices = b.Call("aten.reshape.default", {indices, flat});
    if (!scale.IsNone()) scale = b.Call("aten.reshape.default", {scale, flat});
  } else if (type.rank() != 1) {
    return BagFailure(b, "input", "input must have rank 1 or 2", "rank 1 or rank 2",
                      ir::TypeText(type), "RANK_MISMATCH");
  } else if (offsets.IsNone()) {
    return BagFailure(b, "offsets", "without offsets, input must have one bag per row",
                      "offsets, or input of rank 2", ir::TypeText(type), "ARITY");
  }
  const int64_t padding = PaddingRow(b);
  const auto weight = Table(b, padding, indices);
  const std::string& mode = b.Text("mode");
  const int64_t code = mode == "sum" ? 0 : mode == "mean" ? 1 : 2;
  b.Return(b.Call("aten.embedding_bag.padding_idx",
                  {weight, indices, offsets, b.Flag("scale_grad_by_freq"), code, b.Flag("sparse"),
                   scale, last_offset, padding >= 0 ? ir::Argument(padding) : ir::Argument()}));
}

}  // namespace

void AddEmbeddingNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Embedding",
       .category = "embedding",
       .doc =
           "Looks up a learned row for each index: [...] of whole numbers -> [..., embedding_dim].",
       .params = {Int("num_embeddings").Required().Min(1).Doc("number of rows"),
                  Int("embedding_dim").Required().Min(1).Doc("size of each row"), PaddingIdx(),
                  MaxNorm(), NormType(), ScaleGrad(), Sparse()},
       .inputs = {{.name = "input", .doc = "[...] int64 or int32 indices below num_embeddings"}},
       .outputs = {{.name = "output", .doc = "[..., embedding_dim]"}},
       .body = EmbeddingBody,
       .python = Python::Module("nn.Embedding"),
       .example = {.inputs = {"int64[2, 5]"},
                   .params = {{"num_embeddings", int64_t{10}}, {"embedding_dim", int64_t{3}}},
                   .outputs = {"float32[2, 5, 3]"}}});
  nodes.push_back(
      {.name = "EmbeddingBag",
       .category = "embedding",
       .doc =
           "Sums, averages or takes the maximum of the rows of each bag of indices. Bags are the "
           "rows of [B, N], or the parts of [N] that start at the offsets.",
       .params = {Int("num_embeddings").Required().Min(1).Doc("number of rows"),
                  Int("embedding_dim").Required().Min(1).Doc("size of each row"), MaxNorm(),
                  NormType(), ScaleGrad(),
                  Text("mode")
                      .Default("mean")
                      .Choices({"sum", "mean", "max"})
                      .Doc("how the rows of a bag are joined"),
                  Sparse(),
                  Bool("include_last_offset")
                      .Default(ParamValue(false))
                      .Doc("the last offset is the end of the last bag"),
                  PaddingIdx()},
       .inputs = {{.name = "input", .doc = "[B, N] or [N] int64 or int32 indices"},
                  {.name = "offsets",
                   .doc = "[B] int64 or int32: where each bag of [N] starts",
                   .optional = true},
                  {.name = "per_sample_weights",
                   .doc = "factors of the rows, of input's shape; for mode sum",
                   .optional = true}},
       .outputs = {{.name = "output", .doc = "[B, embedding_dim]"}},
       .body = EmbeddingBagBody,
       .python = Python::Module("nn.EmbeddingBag"),
       .example = {.inputs = {"int64[2, 5]"},
                   .params = {{"num_embeddings", int64_t{10}}, {"embedding_dim", int64_t{3}}},
                   .outputs = {"float32[2, 3]"}}});
}

}  // namespace graphkiln::nodes
