// Look-up tables.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {

void AddEmbeddingNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Embedding",
       .category = "embedding",
       .doc =
           "Looks up a learned row for each index: [...] of whole numbers -> [..., embedding_dim].",
       .params = {Int("num_embeddings").Required().Min(1).Doc("number of rows"),
                  Int("embedding_dim").Required().Min(1).Doc("size of each row"),
                  Int("padding_idx").Nullable().Doc("row that starts as zero and never learns"),
                  Float("max_norm")
                      .Nullable()
                      .Above(0)
                      .Doc("rows that are longer are scaled down when looked up"),
                  Float("norm_type").Default(2.0).Above(0).Doc("p of the p-norm for max_norm"),
                  Bool("scale_grad_by_freq")
                      .Default(ParamValue(false))
                      .Doc("divides gradients by how often a row was looked up"),
                  Bool("sparse").Default(ParamValue(false)).Doc("sparse gradients")},
       .inputs = {{.name = "input", .doc = "[...] int64 or int32 indices below num_embeddings"}},
       .outputs = {{.name = "output", .doc = "[..., embedding_dim]"}},
       .body =
           [](Body& b) {
             const int64_t rows = b.Int("num_embeddings");
             ir::Initializer init = ir::Initializer::Normal(0, 1);
             int64_t padding = -1;
             if (!b.IsNull("padding_idx")) {
               padding = b.Int("padding_idx");
               if (padding < -rows || padding >= rows) {
                 Failure failure;
                 failure.code = "PARAM_RANGE";
                 failure.rule = "EMBEDDING_C2";
                 failure.param = "padding_idx";
                 failure.message = "padding_idx must name a row";
                 failure.expected = fmt::format("{} to {}", -rows, rows - 1);
                 failure.found = fmt::format("{}", padding);
                 return b.Fail(std::move(failure));
               }
               if (padding < 0) padding += rows;
               init.zero_row = padding;
             }
             const auto weight = b.Weight("weight", {rows, b.Int("embedding_dim")}, init);
             if (!b.IsNull("max_norm")) {
               b.Call("aten.embedding_renorm_.default",
                      {weight, b.In("input"), b.Float("max_norm"), b.Float("norm_type")});
             }
             b.Return(b.Call(
                 "aten.embedding.default",
                 {weight, b.In("input"), padding, b.Flag("scale_grad_by_freq"), b.Flag("sparse")}));
           },
       .python = Python::Module("nn.Embedding"),
       .bypass = Bypass::kNotAllowed,
       .example = {.inputs = {"int64[2, 5]"},
                   .params = {{"num_embeddings", int64_t{10}}, {"embedding_dim", int64_t{3}}},
                   .outputs = {"float32[2, 5, 3]"}}});
}

}  // namespace graphkiln::nodes
