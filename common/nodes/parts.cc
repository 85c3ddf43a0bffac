// Parts of a tensor, and one tensor taken apart into several.
#include "common/nodes/families.h"
#include "common/nodes/op_call.h"

namespace graphkiln::nodes {
namespace {

ParamSpec Dimension(std::string_view doc) { return Int("dim").Required().Doc(doc); }

std::vector<OutputSpec> Many() {
  return {{.name = "outputs", .doc = "a tuple; Get takes one of them", .many = true}};
}

constexpr std::string_view kIndexSelect =
    R"(class {name}(nn.Module):
    index: Tensor

    def __init__(self, dim: int, index: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("index", torch.tensor(index, dtype=torch.int64))

    def forward(self, input: Tensor) -> Tensor:
        return input.index_select(self.dim, self.index)
)";

void IndexSelect(Body& b) {
  ir::Argument index = b.In("index");
  if (b.HasIn("index") != b.IsNull("index")) {
    Failure failure;
    failure.code = "MISSING_PARAM";
    failure.rule = "INDEX_SELECT_C2";
    failure.param = "index";
    failure.message = "the positions come either from the port index or from the parameter";
    failure.expected = "one of them";
    failure.found = b.HasIn("index") ? "both" : "neither";
    return b.Fail(std::move(failure));
  }
  if (!b.IsNull("index")) {
    const std::vector<int64_t> positions = b.Ints("index");
    const ir::TensorType& input = b.TypeOf(b.In("input"));
    const int64_t dim = b.Int("dim");
    const bool exists = dim >= -input.rank() && dim < input.rank();
    for (const int64_t position : positions) {
      const bool inside = !exists || !input.dim(static_cast<int>(dim)).IsConst() ||
                          position < input.dim(static_cast<int>(dim)).value();
      if (position >= 0 && inside) continue;
      Failure failure;
      failure.code = "PARAM_RANGE";
      failure.rule = "INDEX_SELECT_C3";
      failure.param = "index";
      failure.message = "a position lies outside of the dimension";
      failure.expected = "0 or more, and less than the size of dimension dim";
      failure.found = std::to_string(position);
      return b.Fail(std::move(failure));
    }
    index = b.Buffer("index", {static_cast<int64_t>(positions.size())},
                     ir::Initializer::Values({positions.begin(), positions.end()}),
                     v1::DATA_TYPE_INT64);
  }
  b.Return(b.Call("aten.index_select.default", {b.In("input"), b.Int("dim"), index}));
}

void AddRanges(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Narrow",
       .category = "shape",
       .doc = "length positions along dim from start on.",
       .params = {Dimension("dimension that is cut"),
                  Int("start").Required().Doc("first position; negative counts from the end"),
                  Int("length").Required().Min(0).Doc("how many positions")},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.narrow.default",
                             {b.In("input"), b.Int("dim"), b.Int("start"), b.Int("length")}));
           },
       .python = Python::Expression("{input}.narrow({dim}, {start}, {length})"),
       .example = {.inputs = {"float32[2, 5]"},
                   .params = {{"dim", int64_t{1}}, {"start", int64_t{1}}, {"length", int64_t{3}}},
                   .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Slice",
       .category = "shape",
       .doc = "Positions start to end (not included) along dim, every step-th of them.",
       .params = {Int("dim").Default(0).Doc("dimension that is cut"),
                  Int("start").Nullable().Doc("first position; negative counts from the end"),
                  Int("end").Nullable().Doc("position behind the last one; null means the end"),
                  Int("step").Default(1).Min(1).Doc("distance of the positions")},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.slice.Tensor",
                             {b.In("input"), b.Int("dim"), NumberArgument(b, "start"),
                              NumberArgument(b, "end"), b.Int("step")}));
           },
       .python = Python::Expression("torch.slice_copy({input}, {dim}, {start}, {end}, {step})"),
       .example = {.inputs = {"float32[2, 5]"},
                   .params = {{"dim", int64_t{1}}, {"start", int64_t{1}}, {"step", int64_t{2}}},
                   .outputs = {"float32[2, 2]"}}});
  nodes.push_back(
      {.name = "Gather",
       .category = "shape",
       .doc = "For each position of index the element of input that it names along dim.",
       .params = {Dimension("dimension in which index counts")},
       .inputs = {{.name = "input"}, {.name = "index", .doc = "whole numbers, of input's rank"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.gather.default", {b.In("input"), b.Int("dim"), b.In("index")}));
           },
       .python = Python::Expression("{input}.gather({dim}, {index})"),
       .example = {.inputs = {"float32[2, 5]", "int64[2, 3]"},
                   .params = {{"dim", int64_t{1}}},
                   .outputs = {"float32[2, 3]"}}});
  Python select = Python::Expression("{input}.index_select({dim}, {index})");
  select.own = {"IndexSelect", "index", std::string(kIndexSelect)};
  nodes.push_back(
      {.name = "IndexSelect",
       .category = "shape",
       .doc = "The positions of dim that index names, in that order. As a parameter, index is a "
              "buffer of the state dict.",
       .params = {Dimension("dimension that is chosen from"),
                  Ints("index").Nullable().Tensor().Doc("the positions, where the port is free")},
       .inputs = {{.name = "input"},
                  {.name = "index", .doc = "whole numbers, a vector", .optional = true}},
       .body = IndexSelect,
       .python = std::move(select),
       .example = {.inputs = {"float32[2, 5]", "int64[3]"},
                   .params = {{"dim", int64_t{1}}},
                   .outputs = {"float32[2, 3]"}}});
}

void AddDivisions(std::vector<NodeDef>& nodes) {
  const auto chunk = [](Body& b) {
    b.ReturnAll(b.CallMany("aten.chunk.default", {b.In("input"), b.Int("chunks"), b.Int("dim")}));
  };
  nodes.push_back(
      {.name = "Chunk",
       .category = "shape",
       .doc = "Takes dim apart into parts of one size; the last may be smaller, and there may be "
              "fewer.",
       .params = {Int("chunks").Required().Min(1).Doc("how many parts"),
                  Int("dim").Default(0).Doc("dimension that is taken apart")},
       .outputs = Many(),
       .body = chunk,
       .python = Python::Expression("{input}.chunk({chunks}, dim={dim})"),
       .bypass = Bypass::Each(),
       .example = {.inputs = {"float32[5, 2]"},
                   .params = {{"chunks", int64_t{2}}},
                   .outputs = {"float32[3, 2]", "float32[2, 2]"}}});
  nodes.push_back(
      {.name = "ForkChunk",
       .category = "shape",
       .doc = "Chunk with TorchArc's defaults: two parts of dimension 1.",
       .params = {Int("chunks").Default(2).Min(1).Doc("how many parts"),
                  Int("dim").Default(1).Doc("dimension that is taken apart")},
       .outputs = Many(),
       .body = chunk,
       .python = Python::Expression("{input}.chunk({chunks}, dim={dim})"),
       .bypass = Bypass::Each(),
       .example = {.inputs = {"float32[2, 6]"}, .outputs = {"float32[2, 3]", "float32[2, 3]"}}});
  nodes.push_back(
      {.name = "ForkSplit",
       .category = "shape",
       .doc = "Takes dim apart into parts of the given size, or of the given sizes.",
       .params = {IntsOrInt("split_size_or_sections")
                      .Required()
                      .Min(0)
                      .Doc("one size for all parts, or the size of each"),
                  Int("dim").Default(1).Doc("dimension that is taken apart")},
       .outputs = Many(),
       .body =
           [](Body& b) {
             const ParamValue* sizes = b.params().Find("split_size_or_sections");
             const bool single = sizes != nullptr && std::holds_alternative<int64_t>(*sizes);
             b.ReturnAll(
                 single
                     ? b.CallMany("aten.split.Tensor",
                                  {b.In("input"), b.Int("split_size_or_sections"), b.Int("dim")})
                     : b.CallMany("aten.split_with_sizes.default",
                                  {b.In("input"), b.Ints("split_size_or_sections"), b.Int("dim")}));
           },
       .python = Python::Expression("{input}.split({split_size_or_sections}, dim={dim})"),
       .bypass = Bypass::Each(),
       .example = {.inputs = {"float32[2, 6]"},
                   .params = {{"split_size_or_sections", std::vector<int64_t>{2, 4}}},
                   .outputs = {"float32[2, 2]", "float32[2, 4]"}}});
  nodes.push_back({.name = "Split",
                   .category = "shape",
                   .doc = "Takes dim apart into two parts of the given sizes.",
                   .params = {IntN("split_sizes", 2).Required().Min(0).Doc("sizes of both parts"),
                              Int("dim").Default(-1).Doc("dimension that is taken apart")},
                   .outputs = {{.name = "output_a", .doc = "the first part", .path = {0}},
                               {.name = "output_b", .doc = "the second part", .path = {1}}},
                   .body =
                       [](Body& b) {
                         const auto parts =
                             b.CallMany("aten.split_with_sizes.default",
                                        {b.In("input"), b.Ints("split_sizes"), b.Int("dim")});
                         if (parts.size() != 2) return;
                         b.Return("output_a", parts[0]);
                         b.Return("output_b", parts[1]);
                       },
                   .python = Python::Expression("{input}.split({split_sizes}, dim={dim})"),
                   .bypass = Bypass::Each(),
                   .example = {.inputs = {"float32[2, 6]"},
                               .params = {{"split_sizes", std::vector<int64_t>{2, 4}}},
                               .outputs = {"float32[2, 2]", "float32[2, 4]"}}});
  nodes.push_back(
      {.name = "Unbind",
       .category = "shape",
       .doc = "All slices along dim, each without that dimension.",
       .params = {Int("dim").Default(0).Doc("dimension that disappears")},
       .outputs = Many(),
       .body =
           [](Body& b) {
             b.ReturnAll(b.CallMany("aten.unbind.int", {b.In("input"), b.Int("dim")}));
           },
       .python = Python::Expression("{input}.unbind({dim})"),
       .bypass = Bypass::Each(),
       .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[3]", "float32[3]"}}});
}

}  // namespace

void AddPartsNodes(std::vector<NodeDef>& nodes) {
  AddRanges(nodes);
  AddDivisions(nodes);
}

}  // namespace graphkiln::nodes
