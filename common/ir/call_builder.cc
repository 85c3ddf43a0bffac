#include "common/ir/call_builder.h"

#include <utility>

#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

// What the call leaves in the module beside itself, as Dim::Weight counts.
int64_t WeightOf(const TypeContext& context) {
  int64_t weight = 0;
  for (const Value& value : context.outputs()) {
    for (const Dim& dim : value.type.shape) weight += dim.Weight();
  }
  // An assumption is kept with its text, and may be kept twice.
  for (const Assumption& assumption : context.assumptions())
    weight += 4 + 2 * assumption.size.Weight();
  return weight;
}

bool IsTensor(const Argument& arg, const std::vector<Value>& values) {
  const ValueId* id = arg.As<ValueId>();
  return id != nullptr && id->index >= 0 && static_cast<size_t>(id->index) < values.size() &&
         values[static_cast<size_t>(id->index)].kind == ValueKind::kTensor;
}

// A scalar value of the program, such as the result of item().
bool IsScalarValue(const Argument& arg, const std::vector<Value>& values) {
  const ValueId* id = arg.As<ValueId>();
  return id != nullptr && id->index >= 0 && static_cast<size_t>(id->index) < values.size() &&
         values[static_cast<size_t>(id->index)].kind != ValueKind::kTensor;
}

bool IsIntLike(const Argument& arg, const std::vector<Value>& values) {
  return arg.As<int64_t>() != nullptr || arg.As<Dim>() != nullptr || IsScalarValue(arg, values);
}

template <class F>
bool AllItems(const Argument& arg, F&& ok) {
  const auto* list = arg.As<Argument::List>();
  if (list == nullptr) return false;
  for (const Argument& item : *list) {
    if (!ok(item)) return false;
  }
  return true;
}

}  // namespace

std::string ArgumentProblem(const SchemaArg& schema, const Argument& arg,
                            const std::vector<Value>& values) {
  using Type = SchemaArg::Type;
  if (arg.IsNone()) {
    const bool may = schema.optional || schema.type == Type::kLayout ||
                     schema.type == Type::kDevice || schema.type == Type::kMemoryFormat;
    return may ? "" : "is missing";
  }
  const auto is_int = [&](const Argument& a) { return IsIntLike(a, values); };
  const auto is_number = [&](const Argument& a) {
    return IsIntLike(a, values) || a.As<double>() != nullptr || a.As<TrainingArg>() != nullptr ||
           a.As<NotTrainingArg>() != nullptr || a.As<bool>() != nullptr;
  };
  const auto is_bool = [&](const Argument& a) {
    return a.As<bool>() != nullptr || a.As<TrainingArg>() != nullptr ||
           a.As<NotTrainingArg>() != nullptr;
  };
  const auto need = [](bool ok, const char* what) {
    return ok ? std::string() : std::string(what);
  };
  switch (schema.type) {
    case Type::kTensor:
      return need(IsTensor(arg, values), "must be a tensor");
    case Type::kTensorList:
      return need(AllItems(arg,
                           [&](const Argument& a) {
                             return IsTensor(a, values) || (schema.optional_elements && a.IsNone());
                           }),
                  "must be a list of tensors");
    case Type::kInt:
      return need(is_int(arg), "must be a whole number");
    case Type::kIntList:
      // ATen widens a single number to the whole list where the schema gives a length.
      return need(is_int(arg) || AllItems(arg, is_int), "must be a list of whole numbers");
    case Type::kFloat:
    case Type::kScalar:
      return need(is_number(arg), "must be a number");
    case Type::kFloatList:
      return need(AllItems(arg, is_number), "must be a list of numbers");
    case Type::kBool:
      return need(is_bool(arg), "must be a truth value");
    case Type::kBoolList:
      return need(AllItems(arg, is_bool), "must be a list of truth values");
    case Type::kString:
      return need(arg.As<std::string>() != nullptr, "must be text");
    case Type::kDType:
      return need(arg.As<DataType>() != nullptr, "must be an element type");
    case Type::kDevice:
      return need(arg.As<DeviceArg>() != nullptr, "must be the device of the run");
    case Type::kLayout:
    case Type::kMemoryFormat:
      return need(arg.As<int64_t>() != nullptr, "must be a number");
    case Type::kGenerator:
      return "must be absent: the run has one generator";
  }
  return "has an unknown type";
}

absl::StatusOr<ValueIds> AppendCall(Module& module, const OpDef& op, std::vector<Argument>&& args,
                                    int32_t source, OpError* error) {
  args.reserve(op.args.size());
  for (size_t i = args.size(); i < op.args.size(); ++i) args.push_back(op.args[i].default_value);
  for (size_t i = 0; i < op.args.size(); ++i) {
    std::string problem = ArgumentProblem(op.args[i], args[i], module.values);
    if (problem.empty()) continue;
    *error = OpError();
    error->code = "ARGUMENT_TYPE";
    error->rule = "SCHEMA_C1";
    error->arg = op.args[i].name;
    error->message = fmt::format("{} of {} {}", op.args[i].name, op.name, problem);
    return absl::InvalidArgumentError(error->message);
  }
  TypeContext context(op, args, module.values);
  const absl::Status typed = op.infer(context);
  if (!typed.ok()) {
    *error = context.has_error() ? context.error() : OpError();
    return typed;
  }
  const int64_t sizes = module.sizes + WeightOf(context);
  const bool many = module.values.size() + context.outputs().size() > kMostValues;
  if (many || sizes > kMostSizes) {
    *error = OpError();
    error->code = "LIMIT";
    error->message = many ? fmt::format("the graph has more than {} values", kMostValues)
                          : fmt::format(
                                "the values of the graph have more than {} sizes, or long "
                                "expressions of open ones",
                                kMostSizes);
    return absl::ResourceExhaustedError(error->message);
  }
  module.sizes = sizes;
  for (Assumption& assumption : context.TakeAssumptions()) {
    assumption.source = source;
    module.assumptions.Add(std::move(assumption));
  }
  Call call;
  call.op = &op;
  call.args = std::move(args);
  call.source = source;
  TypeContext::Outputs values = context.TakeOutputs();
  call.outputs.reserve(values.size());
  for (Value& value : values) call.outputs.push_back(module.AddValue(std::move(value)));
  ValueIds outputs = call.outputs;
  module.calls.push_back(std::move(call));
  return outputs;
}

}  // namespace graphkiln::ir
