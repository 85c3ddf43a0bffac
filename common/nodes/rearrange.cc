// Dimensions added, removed, swapped, repeated, turned round.
#include "common/nodes/families.h"
#include "common/nodes/op_call.h"

namespace graphkiln::nodes {
namespace {

struct Row {
  std::string_view name, doc;
  std::vector<ParamSpec> params;
  void (*body)(Body&);
  std::string_view python;
  Example example;
};

std::vector<Row> Rows() {
  const auto list = [](std::initializer_list<int64_t> v) { return std::vector<int64_t>(v); };
  return {
      {"Squeeze",
       "Removes the named dimensions where their size is 1.",
       {IntsOrInt("dim").Required().Doc("dimensions that are removed")},
       [](Body& b) { b.Return(b.Call("aten.squeeze.dims", {b.In("input"), b.Ints("dim")})); },
       "{input}.squeeze({dim})",
       {.inputs = {"float32[2, 1, 3]"},
        .params = {{"dim", int64_t{1}}},
        .outputs = {"float32[2, 3]"}}},
      {"Unsqueeze",
       "Adds a dimension of size 1 at the position dim.",
       {Int("dim").Required().Doc("where the dimension stands afterwards")},
       [](Body& b) { b.Return(b.Call("aten.unsqueeze.default", {b.In("input"), b.Int("dim")})); },
       "{input}.unsqueeze({dim})",
       {.inputs = {"float32[2, 3]"},
        .params = {{"dim", int64_t{1}}},
        .outputs = {"float32[2, 1, 3]"}}},
      {"Transpose",
       "Swaps two dimensions.",
       {Int("dim0").Required().Doc("the one"), Int("dim1").Required().Doc("the other")},
       [](Body& b) {
         b.Return(b.Call("aten.transpose.int", {b.In("input"), b.Int("dim0"), b.Int("dim1")}));
       },
       "{input}.transpose({dim0}, {dim1})",
       {.inputs = {"float32[2, 3, 4]"},
        .params = {{"dim0", int64_t{1}}, {"dim1", int64_t{2}}},
        .outputs = {"float32[2, 4, 3]"}}},
      {"MoveDim",
       "Moves dimensions to other places; the others keep their order.",
       {Ints("source").Required().Doc("dimensions that move"),
        Ints("destination").Required().Doc("where they stand afterwards")},
       [](Body& b) {
         b.Return(b.Call("aten.movedim.intlist",
                         {b.In("input"), b.Ints("source"), b.Ints("destination")}));
       },
       "{input}.movedim({source}, {destination})",
       {.inputs = {"float32[2, 3, 4]"},
        .params = {{"source", list({0})}, {"destination", list({2})}},
        .outputs = {"float32[3, 4, 2]"}}},
      {"Expand",
       "Repeats dimensions of size 1 without copying; -1 keeps a size, further sizes come first.",
       {Ints("size").Required().Min(-1).Doc("sizes of the output")},
       [](Body& b) { b.Return(b.Call("aten.expand.default", {b.In("input"), b.Ints("size")})); },
       "{input}.expand({size})",
       {.inputs = {"float32[2, 1]"},
        .params = {{"size", list({-1, 3})}},
        .outputs = {"float32[2, 3]"}}},
      {"Repeat",
       "Copies of the input side by side, as many along each dimension as repeats says.",
       {Ints("repeats").Required().Min(0).Doc("copies along each dimension")},
       [](Body& b) { b.Return(b.Call("aten.repeat.default", {b.In("input"), b.Ints("repeats")})); },
       "{input}.repeat({repeats})",
       {.inputs = {"float32[2, 3]"},
        .params = {{"repeats", list({1, 2})}},
        .outputs = {"float32[2, 6]"}}},
      {"RepeatInterleave",
       "Each position along dim several times in a row.",
       {Int("repeats").Required().Min(0).Doc("how often"),
        Int("dim").Required().Doc("dimension that grows")},
       [](Body& b) {
         b.Return(b.Call("aten.repeat_interleave.self_int",
                         {b.In("input"), b.Int("repeats"), b.Int("dim")}));
       },
       "{input}.repeat_interleave({repeats}, dim={dim})",
       {.inputs = {"float32[2, 3]"},
        .params = {{"repeats", int64_t{2}}, {"dim", int64_t{1}}},
        .outputs = {"float32[2, 6]"}}},
      {"Flip",
       "Reverses the order along the named dimensions.",
       {Ints("dims").Required().Doc("dimensions that are reversed")},
       [](Body& b) { b.Return(b.Call("aten.flip.default", {b.In("input"), b.Ints("dims")})); },
       "{input}.flip({dims})",
       {.inputs = {"float32[2, 3]"},
        .params = {{"dims", list({1})}},
        .outputs = {"float32[2, 3]"}}},
      {"Roll",
       "Shifts positions along dimensions; what leaves at the end returns at the start.",
       {Ints("shifts").Required().Doc("how far, for each dimension"),
        Ints("dims").Required().Doc("dimensions that are shifted")},
       [](Body& b) {
         b.Return(b.Call("aten.roll.default", {b.In("input"), b.Ints("shifts"), b.Ints("dims")}));
       },
       "{input}.roll({shifts}, {dims})",
       {.inputs = {"float32[2, 3]"},
        .params = {{"shifts", list({1})}, {"dims", list({1})}},
        .outputs = {"float32[2, 3]"}}},
      {"Tril",
       "The lower triangle of the last two dimensions, 0 above it.",
       {Int("diagonal").Default(0).Doc("first diagonal that is cut off, counted upwards")},
       [](Body& b) { b.Return(b.Call("aten.tril.default", {b.In("input"), b.Int("diagonal")})); },
       "{input}.tril({diagonal})",
       {.inputs = {"float32[3, 3]"}, .outputs = {"float32[3, 3]"}}},
      {"Triu",
       "The upper triangle of the last two dimensions, 0 below it.",
       {Int("diagonal").Default(0).Doc("first diagonal that is kept, counted upwards")},
       [](Body& b) { b.Return(b.Call("aten.triu.default", {b.In("input"), b.Int("diagonal")})); },
       "{input}.triu({diagonal})",
       {.inputs = {"float32[3, 3]"}, .outputs = {"float32[3, 3]"}}},
  };
}

// Both names of TorchCanvas are one operation: dimensions 1 and 2 change places.
void SwapTime(Body& b) {
  if (b.TypeOf(b.In("input")).rank() != 3) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "PERMUTE_TIME_C1";
    failure.port = "input";
    failure.message = "input must have rank 3";
    failure.expected = "rank 3";
    failure.found = ir::TypeText(b.TypeOf(b.In("input")));
    b.Fail(std::move(failure));
    return;
  }
  const auto swapped = b.Call("aten.transpose.int", {b.In("input"), int64_t{1}, int64_t{2}});
  b.Return(b.Call("aten.contiguous.default", {swapped}));
}

}  // namespace

void AddRearrangeNodes(std::vector<NodeDef>& nodes) {
  for (Row& row : Rows()) {
    nodes.push_back({.name = row.name,
                     .category = "shape",
                     .doc = row.doc,
                     .params = std::move(row.params),
                     .body = row.body,
                     .python = Python::Expression(row.python),
                     .example = std::move(row.example)});
  }
  for (const char* name : {"Permute_BCT_to_BTH", "Permute_BTH_to_BCT"}) {
    nodes.push_back({.name = name,
                     .category = "shape",
                     .doc = "Swaps channels and time of a batch of sequences: [B, C, T] and "
                            "[B, T, C].",
                     .body = SwapTime,
                     .python = Python::Expression("{input}.transpose(1, 2).contiguous()"),
                     .example = {.inputs = {"float32[2, 3, 4]"}, .outputs = {"float32[2, 4, 3]"}}});
  }
}

}  // namespace graphkiln::nodes
