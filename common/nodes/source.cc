// Nodes that bring in what no input carries: learned tensors, another node's weight, positions,
// masks.
#include <algorithm>

#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

ir::Initializer Start(const Body& b) {
  const std::string& init = b.Text("init");
  if (init == "normal") return ir::Initializer::Normal(b.Float("mean"), b.Float("std"));
  if (init == "uniform") return ir::Initializer::Uniform(b.Float("bound"));
  return ir::Initializer::Constant(init == "ones" ? 1 : 0);
}

// The size of dimension `dim` of the input; the body fails where there is none.
ir::Dim Length(Body& b) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  const int64_t dim = b.Int("dim");
  if (dim >= -type.rank() && dim < type.rank()) return type.dim(static_cast<int>(dim));
  Failure failure;
  failure.code = "PARAM_RANGE";
  failure.rule = "LENGTH_C1";
  failure.param = "dim";
  failure.message = "input has no such dimension";
  failure.expected = "a dimension of input";
  failure.found = ir::TypeText(type);
  b.Fail(std::move(failure));
  return ir::Dim(0);
}

void PositionsBody(Body& b) {
  const ir::Dim length = Length(b);
  b.Return(b.Call("aten.arange.default",
                  {length, v1::DATA_TYPE_INT64, ir::Argument(), ir::DeviceArg{}}));
}

void CausalMaskBody(Body& b) {
  const ir::Dim length = Length(b);
  const ir::Argument all =
      b.Call("aten.ones.default",
             {ir::Shape{length, length}, v1::DATA_TYPE_BOOL, ir::Argument(), ir::DeviceArg{}});
  b.Return(b.Call("aten.triu.default", {all, 1}));
}

void ExpandBatchBody(Body& b) {
  ir::Shape size = b.TypeOf(b.In("input")).shape;
  const ir::TensorType& like = b.TypeOf(b.In("like"));
  if (like.rank() == 0) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "EXPAND_BATCH_C1";
    failure.port = "like";
    failure.message = "like must have rank 1 or more";
    failure.expected = "rank 1 or more";
    failure.found = ir::TypeText(like);
    b.Fail(std::move(failure));
    return;
  }
  size.resize(std::max<size_t>(size.size(), 1));  // a scalar becomes a row
  size[0] = like.dim(0);
  b.Return(b.Call("aten.expand.default", {b.In("input"), size}));
}

ParamSpec LengthDim() { return Int("dim").Default(1).Doc("dimension whose size counts"); }

}  // namespace

void AddSourceNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Parameter",
       .category = "source",
       .doc = "A learned tensor. Its state_dict key is the node's own path.",
       .params = {Ints("shape").Required().Min(0).Doc("sizes"),
                  Text("init")
                      .Default("zeros")
                      .Choices({"zeros", "ones", "normal", "uniform"})
                      .Doc("how it starts"),
                  Float("mean").Default(0.0).Doc("middle of init normal"),
                  Float("std").Default(1.0).Min(0).Doc("standard deviation of init normal"),
                  Float("bound").Default(1.0).Min(0).Doc("init uniform lies within +-bound")},
       .inputs = {},
       .body = [](Body& b) { b.Return(b.Weight("", b.Ints("shape"), Start(b))); },
       .python = {Python::Kind::kParameter, "nn.Parameter"},
       .example = {.params = {{"shape", std::vector<int64_t>{2, 3}}},
                   .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "WeightOf",
       .category = "source",
       .doc =
           "A weight of the node at the input, as a tensor: one weight in two places, such as an "
           "embedding that is the output layer, too.",
       .params = {Text("name").Default("weight").Doc(
           "the weight's name, for composites with the path inside: `layers.0.linear1.weight`")},
       .inputs = {{.name = "input", .doc = "the node that has the weight", .any_value = true}},
       .python = Python::Expression("{input}.{name}"),
       .bypass = Bypass::NotAllowed(),
       .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[4, 3]"}},
       .reads_weight = true});
  nodes.push_back(
      {.name = "Positions",
       .category = "source",
       .doc = "0, 1, 2, ... as many as the input is long along dim, which may be an open size.",
       .params = {LengthDim()},
       .outputs = {{.doc = "int64 [n]"}},
       .body = PositionsBody,
       .python = Python::Expression("torch.arange({input}.shape[{dim}], device={input}.device)"),
       .bypass = Bypass::NotAllowed(),
       .example = {.inputs = {"float32[2, 5, 3]"}, .outputs = {"int64[5]"}}});
  nodes.push_back(
      {.name = "CausalMask",
       .category = "source",
       .doc = "[n, n], true where a position must not be seen: those behind its own. n is the "
              "input's size along dim.",
       .params = {LengthDim()},
       .outputs = {{.doc = "bool [n, n]"}},
       .body = CausalMaskBody,
       .python = Python::Expression("torch.ones({input}.shape[{dim}], {input}.shape[{dim}], "
                                    "dtype=torch.bool, device={input}.device).triu(1)"),
       .bypass = Bypass::NotAllowed(),
       .example = {.inputs = {"float32[2, 5, 3]"}, .outputs = {"bool[5, 5]"}}});
  nodes.push_back(
      {.name = "ExpandBatch",
       .category = "shape",
       .doc = "One copy of the input for each sample of like, without copying: a learned token "
              "[1, 1, C] beside [B, T, C].",
       .inputs = {{.name = "input", .doc = "[1, ...], or a scalar"},
                  {.name = "like", .doc = "[B, ...], gives the number of samples"}},
       .outputs = {{.doc = "[B, ...]"}},
       .body = ExpandBatchBody,
       .python = Python::Expression("{input}.expand({like}.shape[0], *{input}.shape[1:])"),
       .example = {.inputs = {"float32[1, 4]", "float32[3, 2]"}, .outputs = {"float32[3, 4]"}}});
}

}  // namespace graphkiln::nodes
