// Activations. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

ParamSpec InPlace() {
  return Bool("inplace")
      .Default(ParamValue(false))
      .Doc("a hint for memory; never changes another node's value");
}

// Element by element: the result has the input's type.
NodeDef Unary(std::string_view name, std::string_view python, std::string_view doc,
              std::vector<ParamSpec> params, void (*body)(Body&)) {
  return {.name = name,
          .category = "activation",
          .doc = doc,
          .params = std::move(params),
          .inputs = {{.name = "input", .doc = "[...], any shape"}},
          .outputs = {{.doc = "[...], of the input's shape"}},
          .body = body,
          .python = Python::Module(python),
          .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[2, 3]"}}};
}

void OutOfRange(Body& b, const char* rule, const char* param, std::string message,
                std::string expected) {
  Failure failure;
  failure.code = "PARAM_RANGE";
  failure.rule = rule;
  failure.param = param;
  failure.message = std::move(message);
  failure.expected = std::move(expected);
  failure.found = ToPython(*b.params().Find(param));
  b.Fail(std::move(failure));
}

void PReluBody(Body& b) {
  const auto weight =
      b.Weight("weight", {b.Int("num_parameters")}, ir::Initializer::Constant(b.Float("init")));
  b.Return(b.Call("aten.prelu.default", {b.In("input"), weight}));
}

void HardtanhBody(Body& b) {
  if (!(b.Float("max_val") > b.Float("min_val"))) {
    return OutOfRange(b, "HARDTANH_C2", "max_val", "max_val must be greater than min_val",
                      fmt::format("a number above {}", b.Float("min_val")));
  }
  b.Return(
      b.Call("aten.hardtanh.default", {b.In("input"), b.Float("min_val"), b.Float("max_val")}));
}

// Below 0, and smooth.
void AddSmooth(std::vector<NodeDef>& nodes) {
  nodes.push_back(Unary(
      "ELU", "nn.ELU", "x above 0, alpha * (exp(x) - 1) below.",
      {Float("alpha").Default(1.0).Doc("the limit for very negative x is -alpha"), InPlace()},
      [](Body& b) { b.Return(b.Call("aten.elu.default", {b.In("input"), b.Float("alpha")})); }));
  nodes.push_back(Unary(
      "CELU", "nn.CELU",
      "max(0, x) + min(0, alpha * (exp(x / alpha) - 1)): ELU with a continuous "
      "derivative.",
      {Float("alpha").Default(1.0).Doc("the limit for very negative x is -alpha; "
                                       "not 0"),
       InPlace()},
      [](Body& b) { b.Return(b.Call("aten.celu.default", {b.In("input"), b.Float("alpha")})); }));
  nodes.push_back(Unary("SELU", "nn.SELU",
                        "ELU with the scale and alpha that keep mean 0 and variance 1 from layer "
                        "to layer.",
                        {InPlace()},
                        [](Body& b) { b.Return(b.Call("aten.selu.default", {b.In("input")})); }));
  nodes.push_back(
      Unary("GELU", "nn.GELU",
            "x * Phi(x) with the normal distribution's Phi, or its tanh approximation.",
            {Text("approximate").Default("none").Choices({"none", "tanh"}).Doc("which formula")},
            [](Body& b) {
              b.Return(b.Call("aten.gelu.default", {b.In("input"), b.Text("approximate")}));
            }));
  nodes.push_back(Unary("SiLU", "nn.SiLU", "x * sigmoid(x), also called swish.", {InPlace()},
                        [](Body& b) { b.Return(b.Call("aten.silu.default", {b.In("input")})); }));
  nodes.push_back(Unary("Mish", "nn.Mish", "x * tanh(softplus(x)).", {InPlace()},
                        [](Body& b) { b.Return(b.Call("aten.mish.default", {b.In("input")})); }));
  nodes.push_back(
      Unary("Softplus", "nn.Softplus",
            "log(1 + exp(beta * x)) / beta: a smooth ReLU; x itself above the threshold.",
            {Float("beta").Default(1.0).Doc("sharpness of the bend"),
             Float("threshold").Default(20.0).Doc("above it, beta * x counts as linear")},
            [](Body& b) {
              b.Return(b.Call("aten.softplus.default",
                              {b.In("input"), b.Float("beta"), b.Float("threshold")}));
            }));
  nodes.push_back(
      Unary("Sigmoid", "nn.Sigmoid", "1 / (1 + exp(-x)), element by element.", {},
            [](Body& b) { b.Return(b.Call("aten.sigmoid.default", {b.In("input")})); }));
  nodes.push_back(
      Unary("LogSigmoid", "nn.LogSigmoid", "log(sigmoid(x)), without overflow.", {},
            [](Body& b) { b.Return(b.Call("aten.log_sigmoid.default", {b.In("input")})); }));
  nodes.push_back(Unary("Tanh", "nn.Tanh", "Hyperbolic tangent, element by element.", {},
                        [](Body& b) { b.Return(b.Call("aten.tanh.default", {b.In("input")})); }));
  nodes.push_back(Unary("Tanhshrink", "nn.Tanhshrink", "x - tanh(x).", {}, [](Body& b) {
    const auto x = b.In("input");
    b.Return(b.Call("aten.sub.Tensor", {x, b.Call("aten.tanh.default", {x})}));
  }));
  nodes.push_back(Unary("Softsign", "nn.Softsign", "x / (1 + |x|).", {}, [](Body& b) {
    const auto x = b.In("input");
    const auto size = b.Call("aten.abs.default", {x});
    b.Return(b.Call("aten.div.Tensor", {x, b.Call("aten.add.Scalar", {size, 1})}));
  }));
}

// Piecewise linear.
void AddLinearPieces(std::vector<NodeDef>& nodes) {
  nodes.push_back(Unary("ReLU", "nn.ReLU", "max(0, x), element by element.", {InPlace()},
                        [](Body& b) { b.Return(b.Call("aten.relu.default", {b.In("input")})); }));
  nodes.push_back(Unary("ReLU6", "nn.ReLU6", "min(max(0, x), 6).", {InPlace()},
                        [](Body& b) { b.Return(b.Call("aten.relu6.default", {b.In("input")})); }));
  nodes.push_back(Unary(
      "LeakyReLU", "nn.LeakyReLU", "x above 0, negative_slope * x below.",
      {Float("negative_slope").Default(0.01).Doc("slope below 0"), InPlace()}, [](Body& b) {
        b.Return(b.Call("aten.leaky_relu.default", {b.In("input"), b.Float("negative_slope")}));
      }));
  nodes.push_back(Unary("PReLU", "nn.PReLU",
                        "x above 0, weight * x below, with one learned slope or one per channel "
                        "(dimension 1).",
                        {Int("num_parameters").Default(1).Min(1).Doc("1, or the channels"),
                         Float("init").Default(0.25).Doc("first value of the slopes")},
                        PReluBody));
  nodes.push_back(Unary(
      "RReLU", "nn.RReLU",
      "x above 0; below, x times a slope drawn from [lower, upper] while "
      "training, times (lower + upper) / 2 otherwise.",
      {Float("lower").Default(1.0 / 8).Doc("smallest slope"),
       Float("upper").Default(1.0 / 3).Doc("largest slope"), InPlace()},
      [](Body& b) {
        b.Return(b.Call("aten.rrelu.default",
                        {b.In("input"), b.Float("lower"), b.Float("upper"), ir::TrainingArg{}}));
      }));
  nodes.push_back(
      Unary("Hardtanh", "nn.Hardtanh", "x, limited to [min_val, max_val].",
            {Float("min_val").Default(-1.0).Doc("lower limit"),
             Float("max_val").Default(1.0).Doc("upper limit, above min_val"), InPlace()},
            HardtanhBody));
  nodes.push_back(
      Unary("Hardsigmoid", "nn.Hardsigmoid", "min(max(0, x / 6 + 1 / 2), 1).", {InPlace()},
            [](Body& b) { b.Return(b.Call("aten.hardsigmoid.default", {b.In("input")})); }));
  nodes.push_back(
      Unary("Hardswish", "nn.Hardswish", "x * min(max(0, x + 3), 6) / 6.", {InPlace()},
            [](Body& b) { b.Return(b.Call("aten.hardswish.default", {b.In("input")})); }));
  nodes.push_back(
      Unary("Hardshrink", "nn.Hardshrink", "x, but 0 within [-lambd, lambd].",
            {Float("lambd").Default(0.5).Doc("half of the width of the gap")}, [](Body& b) {
              b.Return(b.Call("aten.hardshrink.default", {b.In("input"), b.Float("lambd")}));
            }));
  nodes.push_back(
      Unary("Softshrink", "nn.Softshrink", "x moved towards 0 by lambd; 0 within [-lambd, lambd].",
            {Float("lambd").Default(0.5).Min(0).Doc("how far x is moved")}, [](Body& b) {
              b.Return(b.Call("aten.softshrink.default", {b.In("input"), b.Float("lambd")}));
            }));
  nodes.push_back(Unary("Threshold", "nn.Threshold", "x above the threshold, value elsewhere.",
                        {Float("threshold").Required().Doc("above it, x stays"),
                         Float("value").Required().Doc("what stands for all other x"), InPlace()},
                        [](Body& b) {
                          b.Return(b.Call("aten.threshold.default",
                                          {b.In("input"), b.Float("threshold"), b.Float("value")}));
                        }));
  nodes.back().example.params = {{"threshold", 0.1}, {"value", 20.0}};
}

}  // namespace

void AddActivationNodes(std::vector<NodeDef>& nodes) {
  AddSmooth(nodes);
  AddLinearPieces(nodes);
  nodes.push_back(
      {.name = "GLU",
       .category = "activation",
       .doc = "Halves the input along dim into a and b and gives a * sigmoid(b).",
       .params = {Int("dim").Default(-1).Doc("dimension that is halved; its size must be even")},
       .inputs = {{.name = "input", .doc = "[..., 2 * N, ...]"}},
       .outputs = {{.doc = "[..., N, ...]"}},
       .body = [](Body& b) { b.Return(b.Call("aten.glu.default", {b.In("input"), b.Int("dim")})); },
       .python = Python::Module("nn.GLU"),
       .example = {.inputs = {"float32[2, 6]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back(Unary("Identity", "nn.Identity", "The input, unchanged.", {},
                        [](Body& b) { b.Return(b.Call("aten.alias.default", {b.In("input")})); }));
}

}  // namespace graphkiln::nodes
