// Padding.
#include <algorithm>

#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

ParamSpec PaddingParam(int dims) {
  return IntN("padding", 2 * dims)
      .Required()
      .Doc(
          "elements before and after, the last dimension first; one number for all sides; "
          "negative numbers cut off");
}

struct PadType {
  std::string_view name, doc;
  int dims;
  std::string_view shapes;
  std::string_view python;
  void (*body)(Body&);
  bool value = false;
};

void Constant(Body& b) {
  const double value = b.params().Has("value") ? b.Float("value") : 0.0;
  b.Return(b.Call("aten.constant_pad_nd.default", {b.In("input"), b.Ints("padding"), value}));
}

void Circular(Body& b) {
  b.Return(b.Call("aten.pad.default", {b.In("input"), b.Ints("padding"), "circular"}));
}

template <int kDims>
void Reflection(Body& b) {
  constexpr const char* kOps[] = {"aten.reflection_pad1d.default", "aten.reflection_pad2d.default",
                                  "aten.reflection_pad3d.default"};
  b.Return(b.Call(kOps[kDims - 1], {b.In("input"), b.Ints("padding")}));
}

template <int kDims>
void Replication(Body& b) {
  constexpr const char* kOps[] = {"aten.replication_pad1d.default",
                                  "aten.replication_pad2d.default",
                                  "aten.replication_pad3d.default"};
  b.Return(b.Call(kOps[kDims - 1], {b.In("input"), b.Ints("padding")}));
}

constexpr std::string_view kAny1 = "[..., L]";
constexpr std::string_view kAny2 = "[..., H, W]";
constexpr std::string_view kAny3 = "[..., D, H, W]";
constexpr std::string_view kShape1 = "[B, C, L] or [C, L]";
constexpr std::string_view kShape2 = "[B, C, H, W] or [C, H, W]";
constexpr std::string_view kShape3 = "[B, C, D, H, W] or [C, D, H, W]";

constexpr PadType kTypes[] = {
    {"ZeroPad1d", "Zeros around the last dimension.", 1, kAny1, "nn.ZeroPad1d", Constant},
    {"ZeroPad2d", "Zeros around the last two dimensions.", 2, kAny2, "nn.ZeroPad2d", Constant},
    {"ZeroPad3d", "Zeros around the last three dimensions.", 3, kAny3, "nn.ZeroPad3d", Constant},
    {"ConstantPad1d", "One value around the last dimension.", 1, kAny1, "nn.ConstantPad1d",
     Constant, true},
    {"ConstantPad2d", "One value around the last two dimensions.", 2, kAny2, "nn.ConstantPad2d",
     Constant, true},
    {"ConstantPad3d", "One value around the last three dimensions.", 3, kAny3, "nn.ConstantPad3d",
     Constant, true},
    {"ReflectionPad1d", "Continues the last dimension by its mirror image, without the border.", 1,
     kShape1, "nn.ReflectionPad1d", Reflection<1>},
    {"ReflectionPad2d", "Continues the image by its mirror image, without the border.", 2, kShape2,
     "nn.ReflectionPad2d", Reflection<2>},
    {"ReflectionPad3d", "Continues the volume by its mirror image, without the border.", 3, kShape3,
     "nn.ReflectionPad3d", Reflection<3>},
    {"ReplicationPad1d", "Continues the last dimension by its border.", 1, kShape1,
     "nn.ReplicationPad1d", Replication<1>},
    {"ReplicationPad2d", "Continues the image by its border.", 2, kShape2, "nn.ReplicationPad2d",
     Replication<2>},
    {"ReplicationPad3d", "Continues the volume by its border.", 3, kShape3, "nn.ReplicationPad3d",
     Replication<3>},
    {"CircularPad1d", "Continues the last dimension from its other end.", 1, kShape1,
     "nn.CircularPad1d", Circular},
    {"CircularPad2d", "Continues the image from its other side.", 2, kShape2, "nn.CircularPad2d",
     Circular},
    {"CircularPad3d", "Continues the volume from its other side.", 3, kShape3, "nn.CircularPad3d",
     Circular},
};

Example ExampleOf(const PadType& type) {
  Example example;
  example.params.emplace_back("padding", int64_t{1});
  if (type.value) example.params.emplace_back("value", 0.5);
  example.inputs = {type.dims == 1   ? "float32[2, 3, 8]"
                    : type.dims == 2 ? "float32[2, 3, 4, 8]"
                                     : "float32[2, 3, 2, 4, 8]"};
  example.outputs = {type.dims == 1   ? "float32[2, 3, 10]"
                     : type.dims == 2 ? "float32[2, 3, 6, 10]"
                                      : "float32[2, 3, 4, 6, 10]"};
  return example;
}

}  // namespace

void AddPadNodes(std::vector<NodeDef>& nodes) {
  for (const PadType& type : kTypes) {
    std::vector<ParamSpec> params = {PaddingParam(type.dims)};
    if (type.value) params.push_back(Float("value").Required().Doc("what stands in the padding"));
    nodes.push_back({.name = type.name,
                     .category = "pad",
                     .doc = type.doc,
                     .params = std::move(params),
                     .inputs = {{.name = "input", .doc = std::string(type.shapes)}},
                     .body = type.body,
                     .python = Python::Module(type.python),
                     .example = ExampleOf(type)});
  }
  nodes.push_back(
      {.name = "Pad",
       .category = "pad",
       .doc =
           "Pads the last dimensions; negative numbers cut off. Constant padding takes any rank, "
           "the other modes leave one or two dimensions unpadded.",
       .params = {Ints("pad").Required().Doc(
                      "elements before and after, two numbers for each padded dimension, the last "
                      "dimension first"),
                  Text("mode")
                      .Default("constant")
                      .Choices({"constant", "reflect", "replicate", "circular"})
                      .Doc("what stands in the padding"),
                  Float("value").Nullable().Doc("the constant; null: 0")},
       .inputs = {{.name = "input", .doc = "a tensor of any rank"}},
       .body =
           [](Body& b) {
             const ir::Argument value =
                 b.IsNull("value") ? ir::Argument() : ir::Argument(b.Float("value"));
             b.Return(
                 b.Call("aten.pad.default", {b.In("input"), b.Ints("pad"), b.Text("mode"), value}));
           },
       .python =
           Python::Expression("nn.functional.pad({input}, {pad}, mode={mode}, value={value})"),
       .example = {.inputs = {"float32[2, 3, 4]"},
                   .params = {{"pad", std::vector<int64_t>{1, 2}}, {"value", 0.5}},
                   .outputs = {"float32[2, 3, 7]"}}});
}

}  // namespace graphkiln::nodes
