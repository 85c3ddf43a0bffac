// Nodes that change or take apart the shape.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {

namespace {

// Get of a tensor: input[index].
void PickSlice(Body& b) {
  if (b.IsNull("index") || !b.IsNull("key")) {
    Failure failure;
    failure.code = b.IsNull("key") ? "MISSING_PARAM" : "ARGUMENT_TYPE";
    failure.rule = "GET_C1";
    failure.param = b.IsNull("key") ? "index" : "key";
    failure.message = "a tensor is indexed by a position";
    failure.expected = "index";
    return b.Fail(std::move(failure));
  }
  b.Return(b.Call("aten.select.int", {b.In("input"), 0, b.Int("index")}));
}

}  // namespace

void AddShapeNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "Flatten",
                   .category = "shape",
                   .doc = "Merges the dimensions start_dim to end_dim into one.",
                   .params = {Int("start_dim").Default(1).Doc("first merged dimension"),
                              Int("end_dim").Default(-1).Doc("last merged dimension")},
                   .body =
                       [](Body& b) {
                         b.Return(b.Call("aten.flatten.using_ints",
                                         {b.In("input"), b.Int("start_dim"), b.Int("end_dim")}));
                       },
                   .python = Python::Module("nn.Flatten"),
                   .example = {.inputs = {"float32[2, 3, 4]"}, .outputs = {"float32[2, 12]"}}});
  nodes.push_back({.name = "Unflatten",
                   .category = "shape",
                   .doc = "Unfolds one dimension into several.",
                   .params = {Int("dim").Required().Doc("dimension that is unfolded"),
                              Ints("unflattened_size")
                                  .Required()
                                  .Min(-1)
                                  .Doc("the new sizes; one may be -1 and follows from the others")},
                   .body =
                       [](Body& b) {
                         b.Return(b.Call("aten.unflatten.int", {b.In("input"), b.Int("dim"),
                                                                b.Ints("unflattened_size")}));
                       },
                   .python = Python::Module("nn.Unflatten"),
                   .example = {.inputs = {"float32[2, 12]"},
                               .params = {{"dim", int64_t{1}},
                                          {"unflattened_size", std::vector<int64_t>{3, 4}}},
                               .outputs = {"float32[2, 3, 4]"}}});
  nodes.push_back(
      {.name = "Permute",
       .category = "shape",
       .doc =
           "Reorders the dimensions: dimension i of the output is dimension dims[i] of the input.",
       .params = {Ints("dims").Required().Doc("every dimension once")},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.permute.default", {b.In("input"), b.Ints("dims")}));
           },
       .python = Python::Expression("{input}.permute({dims})"),
       .example = {.inputs = {"float32[2, 3, 4]"},
                   .params = {{"dims", std::vector<int64_t>{0, 2, 1}}},
                   .outputs = {"float32[2, 4, 3]"}}});
  nodes.push_back({.name = "Reshape",
                   .category = "shape",
                   .doc = "The same elements in another shape. One size may be -1 and follows from "
                          "the others; 0 is not "
                          "special. Keep an open batch by -1 or by naming the fixed sizes only.",
                   .params = {Ints("shape").Required().Min(-1).Doc("the new sizes")},
                   .body =
                       [](Body& b) {
                         b.Return(b.Call("aten.reshape.default", {b.In("input"), b.Ints("shape")}));
                       },
                   .python = Python::Expression("{input}.reshape({shape})"),
                   .example = {.inputs = {"float32[2, 12]"},
                               .params = {{"shape", std::vector<int64_t>{-1, 3, 4}}},
                               .outputs = {"float32[2, 3, 4]"}}});
  nodes.push_back(
      {.name = "Select",
       .category = "shape",
       .doc = "One slice along dim; the dimension disappears.",
       .params = {Int("dim").Required().Doc("dimension to select from"),
                  Int("index").Required().Doc("position; negative counts from the end")},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.select.int", {b.In("input"), b.Int("dim"), b.Int("index")}));
           },
       .python = Python::Expression("{input}.select({dim}, {index})"),
       .example = {.inputs = {"float32[2, 3, 4]"},
                   .params = {{"dim", int64_t{1}}, {"index", int64_t{-1}}},
                   .outputs = {"float32[2, 4]"}}});
  nodes.push_back(
      {.name = "Get",
       .category = "shape",
       .doc = "One item of a tuple by position, or of a dict by key, such as the first "
              "output of a GRU; of a tensor the slice at a position of dimension 0.",
       .params = {Int("index").Nullable().Doc("position; negative counts from the end"),
                  Text("key").Nullable().Doc("key in a dict")},
       .inputs = {{.name = "input", .doc = "a tuple, a dict or a tensor", .any_value = true}},
       .body = PickSlice,
       .python = Python::Expression("{input}[{index}]"),
       .bypass = Bypass::NotAllowed(),
       .example = {.inputs = {"(float32[2, 3], float32[4])"},
                   .params = {{"index", int64_t{0}}},
                   .outputs = {"float32[2, 3]"}},
       .picks = true});
}

}  // namespace graphkiln::nodes
