// Reductions, running sums, order: one line for most.
#include "common/nodes/families.h"
#include "common/nodes/op_call.h"

namespace graphkiln::nodes {
namespace {

// op(input, dims, keepdim).
template <OpName kOp>
void Reduce(Body& b) {
  b.Return(b.Call(kOp.view(), {b.In("input"), IntsArgument(b, "dim"), b.Flag("keepdim")}));
}

// op(input, dim, keepdim) with one dimension, or all where it is null.
template <OpName kOp>
void ReduceOne(Body& b) {
  b.Return(b.Call(kOp.view(), {b.In("input"), NumberArgument(b, "dim"), b.Flag("keepdim")}));
}

// op(input, dims, correction, keepdim).
template <OpName kOp>
void Spread(Body& b) {
  b.Return(b.Call(kOp.view(), {b.In("input"), IntsArgument(b, "dim"),
                               NumberArgument(b, "correction"), b.Flag("keepdim")}));
}

// The two results of a search.
void ReturnPair(Body& b, const std::vector<ir::Argument>& results) {
  if (results.size() != 2) return;
  b.Return("values", results[0]);
  b.Return("indices", results[1]);
}

enum class Dims { kRequired, kOptional, kOne, kOptionalOne };

struct Row {
  std::string_view name, doc;
  Dims dims;
  void (*body)(Body&);
  std::string_view python;
  const char* output = "float32[2, 4]";
};

constexpr Row kRows[] = {
    {"Sum", "Sum over the given dimensions, or over all.", Dims::kOptional,
     Reduce<"aten.sum.dim_IntList">, "{input}.sum(dim={dim}, keepdim={keepdim})"},
    {"Mean", "Arithmetic mean over the given dimensions, or over all.", Dims::kOptional,
     Reduce<"aten.mean.dim">, "{input}.mean(dim={dim}, keepdim={keepdim})"},
    {"Prod", "Product over one dimension.", Dims::kOne, ReduceOne<"aten.prod.dim_int">,
     "{input}.prod(dim={dim}, keepdim={keepdim})"},
    {"Max", "Largest element over the given dimensions; equal maxima share the gradient.",
     Dims::kRequired, Reduce<"aten.amax.default">, "{input}.amax(dim={dim}, keepdim={keepdim})"},
    {"Min", "Smallest element over the given dimensions; equal minima share the gradient.",
     Dims::kRequired, Reduce<"aten.amin.default">, "{input}.amin(dim={dim}, keepdim={keepdim})"},
    {"ArgMax", "Position of the largest element along dim, or of all elements in a row.",
     Dims::kOptionalOne, ReduceOne<"aten.argmax.default">,
     "{input}.argmax(dim={dim}, keepdim={keepdim})", "int64[2, 4]"},
    {"ArgMin", "Position of the smallest element along dim, or of all elements in a row.",
     Dims::kOptionalOne, ReduceOne<"aten.argmin.default">,
     "{input}.argmin(dim={dim}, keepdim={keepdim})", "int64[2, 4]"},
    {"LogSumExp", "log(sum(exp(x))) over the given dimensions, without overflow.", Dims::kRequired,
     Reduce<"aten.logsumexp.default">, "{input}.logsumexp(dim={dim}, keepdim={keepdim})"},
    {"All", "True where all elements over the given dimensions are other than 0.", Dims::kRequired,
     Reduce<"aten.all.dims">, "{input}.all(dim={dim}, keepdim={keepdim})", "bool[2, 4]"},
    {"Any", "True where one element over the given dimensions is other than 0.", Dims::kRequired,
     Reduce<"aten.any.dims">, "{input}.any(dim={dim}, keepdim={keepdim})", "bool[2, 4]"},
};

ParamSpec DimParam(Dims dims) {
  switch (dims) {
    case Dims::kRequired:
      return IntsOrInt("dim").Required().Doc("dimensions that are reduced");
    case Dims::kOptional:
      return IntsOrInt("dim").Nullable().Doc("dimensions that are reduced; null means all");
    case Dims::kOne:
      return Int("dim").Required().Doc("dimension that is reduced");
    case Dims::kOptionalOne:
      break;
  }
  return Int("dim").Nullable().Doc("dimension that is reduced; null means all");
}

ParamSpec KeepDim() {
  return Bool("keepdim").Default(ParamValue(false)).Doc("keeps reduced dimensions with size 1");
}

void AddSpread(std::vector<NodeDef>& nodes) {
  const auto add = [&](std::string_view name, std::string_view doc, void (*body)(Body&),
                       std::string_view python) {
    nodes.push_back({.name = name,
                     .category = "reduce",
                     .doc = doc,
                     .params = {DimParam(Dims::kOptional),
                                Number("correction")
                                    .Default(1)
                                    .Doc("what is taken from the count; 1 is unbiased, 0 is plain"),
                                KeepDim()},
                     .body = body,
                     .python = Python::Expression(python),
                     .example = {.inputs = {"float32[2, 3, 4]"},
                                 .params = {{"dim", int64_t{1}}},
                                 .outputs = {"float32[2, 4]"}}});
  };
  add("Var", "Variance over the given dimensions, or over all.", Spread<"aten.var.correction">,
      "{input}.var(dim={dim}, correction={correction}, keepdim={keepdim})");
  add("Std", "Standard deviation over the given dimensions, or over all.",
      Spread<"aten.std.correction">,
      "{input}.std(dim={dim}, correction={correction}, keepdim={keepdim})");
}

void AddNorm(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "Norm",
                   .category = "reduce",
                   .doc = "The p-norm over the given dimensions, or over all: (sum |x|^p)^(1/p).",
                   .params = {Number("p").Default(2).Doc("order; inf gives the largest magnitude"),
                              DimParam(Dims::kOptional), KeepDim()},
                   .body =
                       [](Body& b) {
                         b.Return(b.Call("aten.linalg_vector_norm.default",
                                         {b.In("input"), NumberArgument(b, "p"),
                                          IntsArgument(b, "dim"), b.Flag("keepdim")}));
                       },
                   .python = Python::Expression(
                       "torch.linalg.vector_norm({input}, ord={p}, dim={dim}, keepdim={keepdim})"),
                   .example = {.inputs = {"float32[2, 3, 4]"},
                               .params = {{"dim", int64_t{1}}},
                               .outputs = {"float32[2, 4]"}}});
}

void AddAlong(std::vector<NodeDef>& nodes) {
  const auto scan = [&](std::string_view name, std::string_view doc, void (*body)(Body&),
                        std::string_view python) {
    nodes.push_back({.name = name,
                     .category = "reduce",
                     .doc = doc,
                     .params = {Int("dim").Required().Doc("dimension along which it runs")},
                     .body = body,
                     .python = Python::Expression(python),
                     .example = {.inputs = {"float32[2, 3]"},
                                 .params = {{"dim", int64_t{1}}},
                                 .outputs = {"float32[2, 3]"}}});
  };
  scan(
      "CumSum", "Running sum along dim.",
      [](Body& b) { b.Return(b.Call("aten.cumsum.default", {b.In("input"), b.Int("dim")})); },
      "{input}.cumsum(dim={dim})");
  scan(
      "CumProd", "Running product along dim.",
      [](Body& b) { b.Return(b.Call("aten.cumprod.default", {b.In("input"), b.Int("dim")})); },
      "{input}.cumprod(dim={dim})");
  const std::vector<OutputSpec> pair = {{.name = "values", .doc = "the elements", .path = {0}},
                                        {.name = "indices", .doc = "their positions", .path = {1}}};
  nodes.push_back(
      {.name = "TopK",
       .category = "reduce",
       .doc = "The k largest or smallest elements along dim and their positions.",
       .params = {Int("k").Required().Min(0).Doc("how many"),
                  Int("dim").Default(-1).Doc("dimension in which they are sought"),
                  Bool("largest").Default(ParamValue(true)).Doc("largest, or else smallest"),
                  Bool("sorted").Default(ParamValue(true)).Doc("in order")},
       .outputs = pair,
       .body =
           [](Body& b) {
             const auto results = b.CallMany(
                 "aten.topk.default",
                 {b.In("input"), b.Int("k"), b.Int("dim"), b.Flag("largest"), b.Flag("sorted")});
             ReturnPair(b, results);
           },
       .python =
           Python::Expression("{input}.topk({k}, dim={dim}, largest={largest}, sorted={sorted})"),
       .example = {.inputs = {"float32[2, 5]"},
                   .params = {{"k", int64_t{3}}},
                   .outputs = {"float32[2, 3]", "int64[2, 3]"}}});
  nodes.push_back(
      {.name = "Sort",
       .category = "reduce",
       .doc = "The elements in order along dim and their former positions.",
       .params = {Int("dim").Default(-1).Doc("dimension that is sorted"),
                  Bool("descending").Default(ParamValue(false)).Doc("largest first")},
       .outputs = pair,
       .body =
           [](Body& b) {
             const auto results = b.CallMany("aten.sort.default",
                                             {b.In("input"), b.Int("dim"), b.Flag("descending")});
             ReturnPair(b, results);
           },
       .python = Python::Expression("{input}.sort(dim={dim}, descending={descending})"),
       .example = {.inputs = {"float32[2, 5]"}, .outputs = {"float32[2, 5]", "int64[2, 5]"}}});
}

}  // namespace

void AddReduceNodes(std::vector<NodeDef>& nodes) {
  for (const Row& row : kRows) {
    nodes.push_back({.name = row.name,
                     .category = "reduce",
                     .doc = row.doc,
                     .params = {DimParam(row.dims), KeepDim()},
                     .body = row.body,
                     .python = Python::Expression(row.python),
                     .example = {.inputs = {"float32[2, 3, 4]"},
                                 .params = {{"dim", int64_t{1}}},
                                 .outputs = {row.output}}});
  }
  AddSpread(nodes);
  AddNorm(nodes);
  AddAlong(nodes);
}

}  // namespace graphkiln::nodes
