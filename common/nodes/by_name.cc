// TorchArc's nodes whose function a parameter names: Reduce and TorchFn. Both names are from closed
// lists; nothing is looked up in PyTorch by a name from a file.
#include <algorithm>
#include <string>

#include "common/nodes/families.h"
#include "common/nodes/op_call.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

Failure Fault(std::string_view code, std::string_view rule, std::string_view param,
              std::string message) {
  Failure failure;
  failure.code = std::string(code);
  failure.rule = std::string(rule);
  failure.param = std::string(param);
  failure.message = std::move(message);
  return failure;
}

// Reduce.

bool IsOneDim(const Params& params) {
  const ParamValue* dim = params.Find("dim");
  return dim != nullptr && std::holds_alternative<int64_t>(*dim);
}

bool IsExtreme(const Params& params) {
  return params.Text("name") == "max" || params.Text("name") == "min";
}

bool GivesIndices(const Params& params) { return IsExtreme(params) && IsOneDim(params); }

struct Reduction {
  std::string_view name;
  // Takes dimensions as a list; empty where it takes a single one only.
  std::string_view dims;
  std::string_view one = {};
  std::string_view all = {};
};

constexpr Reduction kReductions[] = {
    {"sum", "aten.sum.dim_IntList"},
    {"mean", "aten.mean.dim"},
    {"prod", "", "aten.prod.dim_int", "aten.prod.default"},
    {"max", "", "aten.max.dim", "aten.amax.default"},
    {"min", "", "aten.min.dim", "aten.amin.default"},
    {"amax", "aten.amax.default"},
    {"amin", "aten.amin.default"},
    {"logsumexp", "aten.logsumexp.default"},
    {"norm", "aten.linalg_vector_norm.default"},
    {"var", "aten.var.correction"},
    {"std", "aten.std.correction"},
    {"all", "aten.all.dims"},
    {"any", "aten.any.dims"},
    {"argmax", "", "aten.argmax.default", "aten.argmax.default"},
    {"argmin", "", "aten.argmin.default", "aten.argmin.default"},
};

const Reduction& ReductionOf(const Params& params) {
  return *std::find_if(std::begin(kReductions), std::end(kReductions),
                       [&](const Reduction& r) { return r.name == params.Text("name"); });
}

std::vector<int64_t> AllDims(int rank) {
  std::vector<int64_t> dims;
  for (int i = 0; i < rank; ++i) dims.push_back(i);
  return dims;
}

void ReduceOne(Body& b, const Reduction& reduction) {
  const ir::Argument input = b.In("input");
  const bool keep = b.Flag("keepdim");
  if (!b.IsNull("dim")) {
    const auto results = b.CallMany(reduction.one, {input, b.Int("dim"), keep});
    if (results.empty()) return;
    b.Return("output", results[0]);
    if (GivesIndices(b.params())) b.Return("indices", results[1]);
    return;
  }
  if (IsExtreme(b.params()))
    return b.Return(b.Call(reduction.all, {input, std::vector<int64_t>(), keep}));
  if (reduction.name != "prod")
    return b.Return(b.Call(reduction.all, {input, ir::Argument(), keep}));
  const ir::Argument product = b.Call(reduction.all, {input});
  const std::vector<int64_t> ones(b.TypeOf(input).shape.size(), 1);
  b.Return(keep ? b.Call("aten.reshape.default", {product, ones}) : product);
}

void ReduceBody(Body& b) {
  const Reduction& reduction = ReductionOf(b.params());
  if (reduction.dims.empty()) {
    if (b.IsNull("dim") || IsOneDim(b.params())) return ReduceOne(b, reduction);
    Failure failure = Fault("PARAM_TYPE", "REDUCE_NAME_C1", "dim",
                            fmt::format("{} reduces one dimension, or all", reduction.name));
    failure.expected = "int | null";
    failure.found = "a list";
    return b.Fail(std::move(failure));
  }
  const ir::Argument input = b.In("input");
  ir::Argument dims = IntsArgument(b, "dim");
  const bool listed =
      reduction.name == "logsumexp" || reduction.name == "amax" || reduction.name == "amin";
  if (b.IsNull("dim") && listed) dims = AllDims(b.TypeOf(input).rank());
  const ir::Argument keep = b.Flag("keepdim");
  if (reduction.name == "norm") return b.Return(b.Call(reduction.dims, {input, 2, dims, keep}));
  if (reduction.name == "var" || reduction.name == "std")
    return b.Return(b.Call(reduction.dims, {input, dims, ir::Argument(), keep}));
  b.Return(b.Call(reduction.dims, {input, dims, keep}));
}

std::string ReducePython(const Params& params) {
  const std::string& name = params.Text("name");
  if (params.IsNull("dim")) {
    if (name == "prod" && params.Flag("keepdim"))
      return "torch.prod({input}).reshape((1,) * {input}.dim())";
    if (name == "prod") return "torch.prod({input})";
    if (IsExtreme(params) || name == "amax" || name == "amin")
      return fmt::format("torch.a{}({{input}}, keepdim={{keepdim}})",
                         IsExtreme(params) ? name : name.substr(1));
    if (name == "logsumexp")
      return "torch.logsumexp({input}, dim=tuple(range({input}.dim())), keepdim={keepdim})";
  }
  return fmt::format("torch.{}({{input}}, dim={{dim}}, keepdim={{keepdim}})", name);
}

std::vector<std::string> ReductionNames() {
  std::vector<std::string> names;
  for (const Reduction& reduction : kReductions) names.emplace_back(reduction.name);
  return names;
}

// TorchFn.

struct Function {
  std::string_view name, op;
};

constexpr Function kFunctions[] = {
    {"topk", "aten.topk.default"},
    {"softmax", "aten.softmax.int"},
    {"log_softmax", "aten.log_softmax.int"},
    {"relu", "aten.relu.default"},
    {"sigmoid", "aten.sigmoid.default"},
    {"tanh", "aten.tanh.default"},
    {"abs", "aten.abs.default"},
    {"exp", "aten.exp.default"},
    {"log", "aten.log.default"},
    {"sqrt", "aten.sqrt.default"},
    {"pow", "aten.pow.Tensor_Scalar"},
    {"clamp", "aten.clamp.default"},
    {"flatten", "aten.flatten.using_ints"},
    {"squeeze", "aten.squeeze.dim"},
    {"unsqueeze", "aten.unsqueeze.default"},
    {"transpose", "aten.transpose.int"},
    {"permute", "aten.permute.default"},
    {"reshape", "aten.reshape.default"},
    {"cumsum", "aten.cumsum.default"},
    {"sort", "aten.sort.default"},
};

bool IsPair(const Params& params) {
  return params.Text("name") == "topk" || params.Text("name") == "sort";
}

std::string_view OperatorOf(const Params& params) {
  const std::string& name = params.Text("name");
  if (name == "squeeze" && params.IsNull("dim")) return "aten.squeeze.default";
  if (name == "squeeze" && !IsOneDim(params)) return "aten.squeeze.dims";
  for (const Function& function : kFunctions) {
    if (function.name == name) return function.op;
  }
  return "";
}

ir::Argument ArgumentOf(const ParamValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  if (const int64_t* whole = std::get_if<int64_t>(&value)) return *whole;
  if (const double* real = std::get_if<double>(&value)) return *real;
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) return *ints;
  if (const auto* dtype = std::get_if<v1::DataType>(&value)) return *dtype;
  return {};
}

void TorchFnBody(Body& b) {
  const std::string& name = b.Text("name");
  const ir::OpDef* op = ir::FindOp(OperatorOf(b.params()));
  if (op == nullptr) return b.Fail(Fault("INTERNAL", "", "name", "the operator is missing"));
  for (const Params::Entry& entry : b.params().entries()) {
    if (entry.name == "name" || b.IsNull(entry.name) || op->ArgIndex(entry.name) > 0) continue;
    Failure failure = Fault("UNKNOWN_PARAM", "TORCH_FN_C1", entry.name,
                            fmt::format("torch.{} has no parameter {}", name, entry.name));
    for (size_t i = 1; i < op->args.size(); ++i)
      failure.expected += (i > 1 ? ", " : "") + op->args[i].name;
    failure.found = entry.name;
    return b.Fail(std::move(failure));
  }
  std::vector<ir::Argument> args = {b.In("input")};
  for (size_t i = 1; i < op->args.size(); ++i) {
    const ir::SchemaArg& arg = op->args[i];
    if (!b.IsNull(arg.name)) {
      args.push_back(ArgumentOf(*b.params().Find(arg.name)));
    } else if (arg.has_default || arg.optional) {
      args.push_back(arg.default_value);
    } else {
      return b.Fail(Fault("MISSING_PARAM", "TORCH_FN_C2", arg.name,
                          fmt::format("torch.{} needs the parameter {}", name, arg.name)));
    }
  }
  const auto results = b.CallMany(op->name, std::move(args));
  if (results.empty()) return;
  b.Return("output", results[0]);
  if (IsPair(b.params())) b.Return("indices", results[1]);
}

std::string TorchFnPython(const Params& params) {
  std::string text = fmt::format("torch.{}({{input}}", params.Text("name"));
  for (const Params::Entry& entry : params.entries()) {
    if (entry.name != "name" && !params.IsNull(entry.name))
      text += fmt::format(", {}={{{}}}", entry.name, entry.name);
  }
  return text + ")";
}

std::vector<ParamSpec> TorchFnParams() {
  std::vector<std::string> names;
  for (const Function& function : kFunctions) names.emplace_back(function.name);
  const auto of = [](ParamSpec spec, std::string_view who) {
    return spec.Nullable().Doc(fmt::format("of {}", who));
  };
  return {Text("name").Required().Choices(std::move(names)).Doc("which function of torch"),
          of(Int("k"), "topk"),
          of(IntsOrInt("dim"), "topk, softmax, log_softmax, squeeze, unsqueeze, cumsum and sort"),
          of(Bool("largest"), "topk"),
          of(Bool("sorted"), "topk"),
          of(DType("dtype"), "softmax, log_softmax and cumsum"),
          of(Number("exponent"), "pow"),
          of(Number("min"), "clamp"),
          of(Number("max"), "clamp"),
          of(Int("start_dim"), "flatten"),
          of(Int("end_dim"), "flatten"),
          of(Int("dim0"), "transpose"),
          of(Int("dim1"), "transpose"),
          of(Ints("dims"), "permute"),
          of(Ints("shape").Min(-1), "reshape"),
          of(Bool("descending"), "sort")};
}

std::vector<OutputSpec> Results(bool (*indices)(const Params&)) {
  return {{.name = "output", .doc = "the result, or the values of a pair", .path = {0}},
          {.name = "indices",
           .doc = "their positions, where PyTorch gives a pair",
           .path = {1},
           .exists = indices}};
}

}  // namespace

void AddByNameNodes(std::vector<NodeDef>& nodes) {
  Python reduce = Python::Expression("torch.{name}({input}, dim={dim}, keepdim={keepdim})");
  reduce.choose = ReducePython;
  nodes.push_back(
      {.name = "Reduce",
       .category = "reduce",
       .doc = "torch.<name>(input, dim, keepdim) of TorchArc. max and min over one dimension give "
              "values and positions.",
       .params =
           {Text("name").Required().Choices(ReductionNames()).Doc("which reduction"),
            IntsOrInt("dim").Nullable().Doc("dimensions that are reduced; null means all"),
            Bool("keepdim").Default(ParamValue(false)).Doc("keeps reduced dimensions with size 1")},
       .outputs = Results(GivesIndices),
       .body = ReduceBody,
       .python = std::move(reduce),
       .example = {.inputs = {"float32[2, 3]"},
                   .params = {{"name", "sum"}, {"dim", int64_t{1}}},
                   .outputs = {"float32[2]"}}});
  Python function = Python::Expression("torch.{name}({input})");
  function.choose = TorchFnPython;
  nodes.push_back(
      {.name = "TorchFn",
       .category = "math",
       .doc = "torch.<name>(input, ...) of TorchArc, for the functions of a closed list.",
       .params = TorchFnParams(),
       .outputs = Results(IsPair),
       .body = TorchFnBody,
       .python = std::move(function),
       .example = {.inputs = {"float32[2, 3]"},
                   .params = {{"name", "softmax"}, {"dim", int64_t{-1}}},
                   .outputs = {"float32[2, 3]"}}});
}

}  // namespace graphkiln::nodes
