// Products of matrices and vectors.
#include "common/nodes/families.h"
#include "common/nodes/op_call.h"

namespace graphkiln::nodes {
namespace {

struct Row {
  std::string_view name, doc, first, second;
  void (*body)(Body&);
  std::string_view python;
  const char *a, *b, *output;
};

// op(first port, second port).
template <OpName kOp>
void Call(Body& b) {
  b.Return(b.Call(kOp.view(), {b.In(b.def().inputs[0].name), b.In(b.def().inputs[1].name)}));
}

constexpr Row kRows[] = {
    {"MatMul",
     "Matrix product over the last two dimensions; the others broadcast. A vector acts as a row "
     "on the left, as a column on the right.",
     "input", "other", Call<"aten.matmul.default">, "{input} @ {other}", "float32[5, 2, 3]",
     "float32[3, 4]", "float32[5, 2, 4]"},
    {"BMM", "Products of two batches of matrices: [B, n, k] x [B, k, m].", "input", "mat2",
     Call<"aten.bmm.default">, "torch.bmm({input}, {mat2})", "float32[5, 2, 3]", "float32[5, 3, 4]",
     "float32[5, 2, 4]"},
    {"Dot", "Inner product of two vectors.", "input", "other", Call<"aten.dot.default">,
     "torch.dot({input}, {other})", "float32[3]", "float32[3]", "float32[]"},
    {"Outer", "Outer product of two vectors.", "input", "other", Call<"aten.outer.default">,
     "torch.outer({input}, {other})", "float32[3]", "float32[4]", "float32[3, 4]"},
    {"MergeBMM", "Products of two batches of matrices, as TorchArc calls it.", "input", "mat2",
     Call<"aten.bmm.default">, "torch.bmm({input}, {mat2})", "float32[5, 2, 3]", "float32[5, 3, 4]",
     "float32[5, 2, 4]"},
    {"MergeDot", "Inner products over the last dimension; the others broadcast.", "x", "y",
     Call<"aten.linalg_vecdot.default">, "torch.linalg.vecdot({x}, {y})", "float32[2, 3]",
     "float32[2, 3]", "float32[2]"},
};

struct Sum {
  std::string_view name, doc, first, second;
  void (*body)(Body&);
  std::string_view python;
  const char *a, *b, *output;
};

// op(input, first, second, beta, alpha).
template <OpName kOp>
void CallSum(Body& b) {
  b.Return(
      b.Call(kOp.view(), {b.In("input"), b.In(b.def().inputs[1].name), b.In(b.def().inputs[2].name),
                          NumberArgument(b, "beta"), NumberArgument(b, "alpha")}));
}

constexpr Sum kSums[] = {
    {"AddMM", "beta * input + alpha * (mat1 @ mat2).", "mat1", "mat2",
     CallSum<"aten.addmm.default">,
     "torch.addmm({input}, {mat1}, {mat2}, beta={beta}, alpha={alpha})", "float32[2, 3]",
     "float32[3, 4]", "float32[2, 4]"},
    {"AddMV", "beta * input + alpha * (mat @ vec).", "mat", "vec", CallSum<"aten.addmv.default">,
     "torch.addmv({input}, {mat}, {vec}, beta={beta}, alpha={alpha})", "float32[2, 3]",
     "float32[3]", "float32[2]"},
    {"AddBMM", "beta * input + alpha * the sum of the products of two batches of matrices.",
     "batch1", "batch2", CallSum<"aten.addbmm.default">,
     "torch.addbmm({input}, {batch1}, {batch2}, beta={beta}, alpha={alpha})", "float32[5, 2, 3]",
     "float32[5, 3, 4]", "float32[2, 4]"},
    {"BAddBMM", "beta * input + alpha * the products of two batches of matrices.", "batch1",
     "batch2", CallSum<"aten.baddbmm.default">,
     "torch.baddbmm({input}, {batch1}, {batch2}, beta={beta}, alpha={alpha})", "float32[5, 2, 3]",
     "float32[5, 3, 4]", "float32[5, 2, 4]"},
};

}  // namespace

void AddProductNodes(std::vector<NodeDef>& nodes) {
  for (const Row& row : kRows) {
    nodes.push_back({.name = row.name,
                     .category = "linear",
                     .doc = row.doc,
                     .inputs = {{.name = std::string(row.first), .doc = "left factor"},
                                {.name = std::string(row.second), .doc = "right factor"}},
                     .body = row.body,
                     .python = Python::Expression(row.python),
                     .example = {.inputs = {row.a, row.b}, .outputs = {row.output}}});
  }
  for (const Sum& sum : kSums) {
    nodes.push_back({.name = sum.name,
                     .category = "linear",
                     .doc = sum.doc,
                     .params = {Number("beta").Default(1).Doc("factor of input"),
                                Number("alpha").Default(1).Doc("factor of the product")},
                     .inputs = {{.name = "input", .doc = "what is added; spreads over the product"},
                                {.name = std::string(sum.first), .doc = "left factor"},
                                {.name = std::string(sum.second), .doc = "right factor"}},
                     .body = sum.body,
                     .python = Python::Expression(sum.python),
                     .example = {.inputs = {sum.output, sum.a, sum.b}, .outputs = {sum.output}}});
  }
  nodes.push_back(
      {.name = "DotProduct",
       .category = "linear",
       .doc = "Sum of the products over the last dimension, which stays with size 1; the others "
              "broadcast.",
       .inputs = {{.name = "input_a", .doc = "left factor"},
                  {.name = "input_b", .doc = "right factor"}},
       .body =
           [](Body& b) {
             const auto product = b.Call("aten.mul.Tensor", {b.In("input_a"), b.In("input_b")});
             b.Return(b.Call("aten.sum.dim_IntList", {product, std::vector<int64_t>{-1}, true}));
           },
       .python = Python::Expression("({input_a} * {input_b}).sum(dim=-1, keepdim=True)"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 3]"}, .outputs = {"float32[2, 1]"}}});
  nodes.push_back(
      {.name = "Einsum",
       .category = "linear",
       .doc = "Sums of products that letters name: bij,bjk->bik is a batch of matrix products.",
       .params = {Text("equation")
                      .Required()
                      .Doc("a term of letters for each input; `->` and the "
                           "result's letters may follow")},
       .inputs = {{.name = "inputs", .doc = "one tensor for each term", .variadic = true}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.einsum.default", {b.Text("equation"), b.Ins("inputs")}));
           },
       .python = Python::Expression("torch.einsum({equation}, {inputs})"),
       .example = {.inputs = {"float32[2, 3]", "float32[3, 4]"},
                   .params = {{"equation", "ij,jk->ik"}},
                   .outputs = {"float32[2, 4]"}}});
}

}  // namespace graphkiln::nodes
