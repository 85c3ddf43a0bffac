// Resizing by interpolation.
#include <optional>

#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

// The operators of a mode for one, two and three spatial dimensions; empty where there is none.
struct Mode {
  std::string_view name;
  std::string_view ops[3];
  bool aligns;  // takes align_corners
  bool area;    // the mean of the covered input, always of a given size
};

constexpr Mode kModes[] = {
    {"nearest",
     {"aten.upsample_nearest1d.vec", "aten.upsample_nearest2d.vec", "aten.upsample_nearest3d.vec"},
     false,
     false},
    {"nearest-exact",
     {"aten._upsample_nearest_exact1d.vec", "aten._upsample_nearest_exact2d.vec",
      "aten._upsample_nearest_exact3d.vec"},
     false,
     false},
    {"linear", {"aten.upsample_linear1d.vec", "", ""}, true, false},
    {"bilinear", {"", "aten.upsample_bilinear2d.vec", ""}, true, false},
    {"bicubic", {"", "aten.upsample_bicubic2d.vec", ""}, true, false},
    {"trilinear", {"", "", "aten.upsample_trilinear3d.vec"}, true, false},
    {"area",
     {"aten.adaptive_avg_pool1d.default", "aten.adaptive_avg_pool2d.default",
      "aten.adaptive_avg_pool3d.default"},
     false,
     true},
};

// A fault of parameter `param`, or of the input where that is empty.
void Refuse(Body& b, std::string_view rule, std::string_view param, std::string message,
            std::string expected, std::string found) {
  Failure failure;
  failure.code = param.empty() ? "RANK_MISMATCH" : "PARAM_RANGE";
  failure.rule = std::string(rule);
  failure.param = std::string(param);
  if (param.empty()) failure.port = "input";
  failure.message = std::move(message);
  failure.expected = std::move(expected);
  failure.found = std::move(found);
  b.Fail(std::move(failure));
}

std::string_view OpOf(Body& b, const Mode& mode, bool antialias) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  const int spatial = type.rank() - 2;
  if (spatial < 1 || spatial > 3 || mode.ops[spatial - 1].empty()) {
    std::string expected;
    for (int i = 0; i < 3; ++i) {
      if (mode.ops[i].empty()) continue;
      expected += fmt::format("{}{}", expected.empty() ? "rank " : " or ", i + 3);
    }
    Refuse(b, "INTERPOLATE_C4", "", fmt::format("{} interpolation needs {}", mode.name, expected),
           expected, ir::TypeText(type));
    return "";
  }
  if (!antialias) return mode.ops[spatial - 1];
  if (mode.name == "bilinear") return "aten._upsample_bilinear2d_aa.vec";
  if (mode.name == "bicubic") return "aten._upsample_bicubic2d_aa.vec";
  Refuse(b, "INTERPOLATE_C6", "antialias", "antialias goes with bilinear and bicubic only", "false",
         "true");
  return "";
}

// The result's sizes where they are given, or none where the factors go to the operator as they
// are.
std::optional<ir::Shape> GivenSize(Body& b, bool compute, int spatial) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  const bool by_size = !b.IsNull("size");
  const char* param = by_size ? "size" : "scale_factor";
  const std::vector<int64_t> sizes = b.params().Ints("size", spatial);
  const std::vector<double> factors = b.params().Floats("scale_factor", spatial);
  const size_t count = by_size ? sizes.size() : factors.size();
  if (count != static_cast<size_t>(spatial)) {
    Refuse(b, "INTERPOLATE_C5", param, fmt::format("{} must name each spatial dimension", param),
           fmt::format("{} numbers", spatial), fmt::format("{}", count));
    return std::nullopt;
  }
  if (by_size) return ir::Shape(sizes.begin(), sizes.end());
  if (!compute) return std::nullopt;
  ir::Shape computed;
  for (int i = 0; i < spatial; ++i) {
    const auto size = ir::FloorScale(type.dim(2 + i), factors[static_cast<size_t>(i)]);
    if (!size) {
      Refuse(b, "INTERPOLATE_C7", param,
             fmt::format("no expression gives {} times the open size {}",
                         factors[static_cast<size_t>(i)], type.dim(2 + i).ToString()),
             "a factor such as 0.5, 1.5 or 2", fmt::format("{}", factors[static_cast<size_t>(i)]));
      return std::nullopt;
    }
    computed.push_back(*size);
  }
  return computed;
}

// torch.nn.functional.interpolate. `align` is None where it is not given.
void Resize(Body& b, std::string_view mode_name, const ir::Argument& align, bool recompute,
            bool antialias) {
  const Mode* mode = kModes;
  while (mode->name != mode_name) ++mode;
  if (!mode->aligns && !align.IsNone()) {
    return Refuse(b, "INTERPOLATE_C1", "align_corners",
                  fmt::format("{} interpolation takes no align_corners", mode_name), "null",
                  *align.As<bool>() ? "true" : "false");
  }
  if (b.IsNull("size") == b.IsNull("scale_factor")) {
    return Refuse(b, "INTERPOLATE_C2", "size", "exactly one of size and scale_factor is needed",
                  "one", b.IsNull("size") ? "none" : "both");
  }
  if (recompute && !b.IsNull("size")) {
    return Refuse(b, "INTERPOLATE_C3", "recompute_scale_factor",
                  "with a size there are no factors to compute anew", "null or false", "true");
  }
  const std::string_view op = OpOf(b, *mode, antialias);
  if (!b.ok()) return;
  const int spatial = b.TypeOf(b.In("input")).rank() - 2;
  const auto size = GivenSize(b, recompute || mode->area, spatial);
  if (!b.ok()) return;
  if (mode->area) return b.Return(b.Call(op, {b.In("input"), *size}));
  ir::Argument::List factors;
  if (!size) {
    for (const double factor : b.params().Floats("scale_factor", spatial))
      factors.emplace_back(factor);
  }
  std::vector<ir::Argument> args = {b.In("input"), size ? ir::Argument(*size) : ir::Argument()};
  if (mode->aligns) args.emplace_back(!align.IsNone() && *align.As<bool>());
  args.push_back(size ? ir::Argument() : ir::Argument(std::move(factors)));
  b.Return(b.Call(op, std::move(args)));
}

std::vector<ParamSpec> SizeParams() {
  return {IntsOrInt("size").Nullable().Min(1).Doc(
              "spatial sizes of the output, or one for all; or scale_factor"),
          FloatsOrFloat("scale_factor", 0)
              .Nullable()
              .Above(0)
              .Doc("factors of the spatial sizes, or one for all; rounded down")};
}

std::vector<ParamSpec> ModeParams(const char* standard) {
  std::vector<ParamSpec> params = SizeParams();
  std::vector<std::string> names;
  for (const Mode& mode : kModes) names.emplace_back(mode.name);
  params.push_back(Text("mode")
                       .Default(standard)
                       .Choices(std::move(names))
                       .Doc("how values between the input's are found; linear takes rank 3, "
                            "bilinear and bicubic 4, "
                            "trilinear 5"));
  params.push_back(
      Bool("align_corners")
          .Nullable()
          .Doc("the corners' values stay, for the linear modes and bicubic; null: no"));
  params.push_back(Bool("recompute_scale_factor")
                       .Nullable()
                       .Doc("samples at distances that follow from the rounded sizes"));
  return params;
}

ir::Argument Align(Body& b) {
  return b.IsNull("align_corners") ? ir::Argument() : ir::Argument(b.Flag("align_corners"));
}

}  // namespace

void AddUpsampleNodes(std::vector<NodeDef>& nodes) {
  const std::vector<PortSpec> inputs = {
      {.name = "input", .doc = "[B, C, L], [B, C, H, W] or [B, C, D, H, W]"}};
  const Example example = {.inputs = {"float32[2, 3, 4, 5]"},
                           .params = {{"scale_factor", 2.0}},
                           .outputs = {"float32[2, 3, 8, 10]"}};
  nodes.push_back({.name = "Upsample",
                   .category = "resize",
                   .doc = "Resizes the spatial dimensions by interpolation.",
                   .params = ModeParams("nearest"),
                   .inputs = inputs,
                   .body =
                       [](Body& b) {
                         Resize(b, b.Text("mode"), Align(b), b.Flag("recompute_scale_factor"),
                                false);
                       },
                   .python = Python::Module("nn.Upsample"),
                   .example = example});
  nodes.push_back({.name = "UpsamplingNearest2d",
                   .category = "resize",
                   .doc = "Resizes images by repeating the nearest pixel.",
                   .params = SizeParams(),
                   .inputs = {{.name = "input", .doc = "[B, C, H, W]"}},
                   .body = [](Body& b) { Resize(b, "nearest", {}, false, false); },
                   .python = Python::Module("nn.UpsamplingNearest2d"),
                   .example = example});
  nodes.push_back({.name = "UpsamplingBilinear2d",
                   .category = "resize",
                   .doc = "Resizes images by bilinear interpolation; the corners' values stay.",
                   .params = SizeParams(),
                   .inputs = {{.name = "input", .doc = "[B, C, H, W]"}},
                   .body = [](Body& b) { Resize(b, "bilinear", true, false, false); },
                   .python = Python::Module("nn.UpsamplingBilinear2d"),
                   .example = example});
  std::vector<ParamSpec> params = ModeParams("nearest");
  params.push_back(Bool("antialias")
                       .Default(ParamValue(false))
                       .Doc("averages over what a pixel covers, for bilinear and bicubic"));
  nodes.push_back(
      {.name = "Interpolate",
       .category = "resize",
       .doc = "Resizes the spatial dimensions by interpolation (torch.nn.functional.interpolate).",
       .params = std::move(params),
       .inputs = inputs,
       .body =
           [](Body& b) {
             Resize(b, b.Text("mode"), Align(b), b.Flag("recompute_scale_factor"),
                    b.Flag("antialias"));
           },
       .python = Python::Expression(
           "nn.functional.interpolate({input}, size={size}, scale_factor={scale_factor}, "
           "mode={mode}, align_corners={align_corners}, "
           "recompute_scale_factor={recompute_scale_factor}, antialias={antialias})"),
       .example = example});
}

}  // namespace graphkiln::nodes
