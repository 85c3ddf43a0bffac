#include "common/ir/module.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/ir/op_def.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

v1::IrValue::Kind KindToProto(ValueKind kind) {
  switch (kind) {
    case ValueKind::kTensor:
      return v1::IrValue::KIND_TENSOR;
    case ValueKind::kInt:
      return v1::IrValue::KIND_INT;
    case ValueKind::kFloat:
      return v1::IrValue::KIND_FLOAT;
    case ValueKind::kBool:
      return v1::IrValue::KIND_BOOL;
  }
  return v1::IrValue::KIND_TENSOR;
}

absl::StatusOr<ValueKind> KindFromProto(v1::IrValue::Kind kind) {
  switch (kind) {
    case v1::IrValue::KIND_TENSOR:
      return ValueKind::kTensor;
    case v1::IrValue::KIND_INT:
      return ValueKind::kInt;
    case v1::IrValue::KIND_FLOAT:
      return ValueKind::kFloat;
    case v1::IrValue::KIND_BOOL:
      return ValueKind::kBool;
    default:
      return absl::InvalidArgumentError("IR: a value has no kind");
  }
}

void ArgToProto(const Argument& arg, const std::vector<int32_t>& number, v1::IrArgument* out) {
  if (arg.IsNone()) {
    out->set_none(v1::NULL_VALUE_UNSPECIFIED);
  } else if (const auto* value = arg.As<ValueId>()) {
    out->set_value(number[static_cast<size_t>(value->index)]);
  } else if (const auto* b = arg.As<bool>()) {
    out->set_bool_value(*b);
  } else if (const auto* i = arg.As<int64_t>()) {
    out->set_int_value(*i);
  } else if (const auto* d = arg.As<double>()) {
    out->set_double_value(*d);
  } else if (const auto* s = arg.As<std::string>()) {
    out->set_string_value(*s);
  } else if (const auto* size = arg.As<Dim>()) {
    out->set_size_expression(size->ToString());
  } else if (const auto* dtype = arg.As<DataType>()) {
    out->set_dtype(*dtype);
  } else if (const auto* training = arg.As<TrainingArg>()) {
    if (training->value != 1) {
      out->set_training_value(training->value);
    } else {
      out->set_training(v1::NULL_VALUE_UNSPECIFIED);
    }
  } else if (arg.As<NotTrainingArg>() != nullptr) {
    out->set_not_training(v1::NULL_VALUE_UNSPECIFIED);
  } else if (arg.As<DeviceArg>() != nullptr) {
    out->set_device(v1::NULL_VALUE_UNSPECIFIED);
  } else if (const auto* list = arg.As<Argument::List>()) {
    out->mutable_list();
    // ATen schemas nest lists once, so this recursion is one level deep.
    for (const Argument& item : *list) ArgToProto(item, number, out->mutable_list()->add_items());
  }
}

absl::StatusOr<Argument> ArgFromProto(const v1::IrArgument& arg, int32_t values, int depth) {
  switch (arg.kind_case()) {
    case v1::IrArgument::kNone:
      return Argument();
    case v1::IrArgument::kValue:
      if (arg.value() < 0 || arg.value() >= values) {
        return absl::InvalidArgumentError(fmt::format("IR: value {} does not exist", arg.value()));
      }
      return Argument(ValueId{arg.value()});
    case v1::IrArgument::kBoolValue:
      return Argument(arg.bool_value());
    case v1::IrArgument::kIntValue:
      return Argument(static_cast<int64_t>(arg.int_value()));
    case v1::IrArgument::kDoubleValue:
      return Argument(arg.double_value());
    case v1::IrArgument::kStringValue:
      return Argument(arg.string_value());
    case v1::IrArgument::kSizeExpression: {
      ASSIGN_OR_RETURN(const Dim dim, Dim::Parse(arg.size_expression()));
      return Argument(dim);
    }
    case v1::IrArgument::kDtype:
      return Argument(arg.dtype());
    case v1::IrArgument::kTraining:
      return Argument(TrainingArg{});
    case v1::IrArgument::kTrainingValue:
      return Argument(TrainingArg{arg.training_value()});
    case v1::IrArgument::kNotTraining:
      return Argument(NotTrainingArg{});
    case v1::IrArgument::kDevice:
      return Argument(DeviceArg{});
    case v1::IrArgument::kList: {
      if (depth > 0) return absl::InvalidArgumentError("IR: lists nest at most once");
      Argument::List list;
      list.reserve(static_cast<size_t>(arg.list().items_size()));
      for (const v1::IrArgument& item : arg.list().items()) {
        ASSIGN_OR_RETURN(Argument inner, ArgFromProto(item, values, depth + 1));
        list.push_back(std::move(inner));
      }
      return Argument(std::move(list));
    }
    case v1::IrArgument::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("IR: an argument is empty");
}

void InitToProto(const Initializer& init, v1::IrInitializer* out) {
  switch (init.kind) {
    case Initializer::Kind::kConstant:
      out->set_kind(v1::IrInitializer::KIND_CONSTANT);
      out->set_value(init.a);
      break;
    case Initializer::Kind::kUniform:
      out->set_kind(v1::IrInitializer::KIND_UNIFORM);
      out->set_low(init.a);
      out->set_high(init.b);
      break;
    case Initializer::Kind::kNormal:
      out->set_kind(v1::IrInitializer::KIND_NORMAL);
      out->set_mean(init.a);
      out->set_std(init.b);
      break;
    case Initializer::Kind::kArange:
      out->set_kind(v1::IrInitializer::KIND_ARANGE);
      break;
    case Initializer::Kind::kValues:
      out->set_kind(v1::IrInitializer::KIND_VALUES);
      for (const double v : init.values) out->add_values(v);
      break;
  }
  if (init.zero_row) out->set_zero_row(*init.zero_row);
}

absl::StatusOr<Initializer> InitFromProto(const v1::IrInitializer& init) {
  Initializer out;
  switch (init.kind()) {
    case v1::IrInitializer::KIND_CONSTANT:
      out = {Initializer::Kind::kConstant, init.value(), 0, {}};
      break;
    case v1::IrInitializer::KIND_UNIFORM:
      out = {Initializer::Kind::kUniform, init.low(), init.high(), {}};
      break;
    case v1::IrInitializer::KIND_NORMAL:
      out = {Initializer::Kind::kNormal, init.mean(), init.std(), {}};
      break;
    case v1::IrInitializer::KIND_ARANGE:
      out = {Initializer::Kind::kArange, 0, 0, {}};
      break;
    case v1::IrInitializer::KIND_VALUES:
      out = Initializer::Values({init.values().begin(), init.values().end()});
      break;
    default:
      return absl::InvalidArgumentError("IR: a parameter has no initialiser");
  }
  if (init.has_zero_row()) out.zero_row = init.zero_row();
  return out;
}

std::string ArgText(const Argument& arg) {
  if (arg.IsNone()) return "None";
  if (const auto* value = arg.As<ValueId>()) return fmt::format("%{}", value->index);
  if (const auto* b = arg.As<bool>()) return *b ? "True" : "False";
  if (const auto* i = arg.As<int64_t>()) return fmt::format("{}", *i);
  if (const auto* d = arg.As<double>()) {
    const std::string text = fmt::format("{}", *d);
    return text.find_first_of(".ein") == std::string::npos ? text + ".0" : text;
  }
  if (const auto* s = arg.As<std::string>()) return QuoteForMessage(*s, 1 << 20);
  if (const auto* size = arg.As<Dim>()) return fmt::format("${{{}}}", size->ToString());
  if (const auto* dtype = arg.As<DataType>()) return fmt::format("torch.{}", DTypeName(*dtype));
  if (const auto* training = arg.As<TrainingArg>())
    return training->value == 1 ? "training" : fmt::format("training*{}", training->value);
  if (arg.As<NotTrainingArg>() != nullptr) return "!training";
  if (arg.As<DeviceArg>() != nullptr) return "device";
  std::string text = "[";
  for (const Argument& item : *arg.As<Argument::List>()) {
    if (text.size() > 1) text += ", ";
    text += ArgText(item);
  }
  return text + "]";
}

std::string ValueTypeText(const Value& value) {
  switch (value.kind) {
    case ValueKind::kTensor:
      return TypeText(value.type);
    case ValueKind::kInt:
      return "int";
    case ValueKind::kFloat:
      return "float";
    case ValueKind::kBool:
      return "bool";
  }
  return "?";
}

}  // namespace

std::vector<std::string> InputSymbols(const Module& module) {
  std::vector<std::string> symbols;
  absl::flat_hash_set<std::string> seen;
  for (const Input& input : module.inputs) {
    for (const Dim& dim : module.type(input.value).shape) {
      dim.VisitSymbols([&](std::string_view symbol) {
        if (seen.insert(std::string(symbol)).second) symbols.emplace_back(symbol);
      });
    }
  }
  return symbols;
}

v1::IrModule ToProto(const Module& module) {
  v1::IrModule out;
  out.set_schema_version(1);
  out.set_name(module.name);
  std::vector<int32_t> number(module.values.size(), -1);
  int32_t next = 0;
  const auto add_value = [&](ValueId id) {
    const Value& value = module.values[static_cast<size_t>(id.index)];
    number[static_cast<size_t>(id.index)] = next++;
    v1::IrValue* v = out.add_values();
    v->set_kind(KindToProto(value.kind));
    if (value.kind == ValueKind::kTensor) *v->mutable_spec() = ToProto(value.type);
  };
  for (const Input& input : module.inputs) {
    v1::IrInput* in = out.add_inputs();
    in->set_name(input.name);
    *in->mutable_spec() = ToProto(module.type(input.value));
    add_value(input.value);
  }
  for (const Parameter& parameter : module.parameters) {
    v1::IrParameter* p = out.add_parameters();
    p->set_key(parameter.key);
    *p->mutable_spec() = ToProto(module.type(parameter.value));
    InitToProto(parameter.init, p->mutable_init());
    p->set_buffer(parameter.buffer);
    p->set_trainable(parameter.trainable);
    p->set_persistent(parameter.persistent);
    add_value(parameter.value);
  }
  for (const Call& call : module.calls) {
    v1::IrCall* c = out.add_calls();
    c->set_op(std::string(call.op->name));
    for (const Argument& arg : call.args) ArgToProto(arg, number, c->add_args());
    c->set_num_outputs(static_cast<int32_t>(call.outputs.size()));
    c->set_source(call.source);
    for (const ValueId id : call.outputs) add_value(id);
  }
  for (const Output& output : module.outputs) {
    v1::IrOutput* o = out.add_outputs();
    o->set_name(output.name);
    o->set_value(number[static_cast<size_t>(output.value.index)]);
  }
  for (std::string& symbol : InputSymbols(module)) out.add_symbols(std::move(symbol));
  for (const Source& source : module.sources) {
    v1::IrSource* s = out.add_sources();
    s->set_node(source.node);
    s->set_path(source.path);
    s->set_type(source.type);
  }
  for (const Assumption& assumption : module.assumptions.all()) {
    v1::IrAssumption* a = out.add_assumptions();
    a->set_size(assumption.size.ToString());
    a->set_at_least(assumption.at_least);
    a->set_multiple_of(assumption.multiple_of);
    a->set_source(assumption.source);
  }
  return out;
}

absl::StatusOr<Module> FromProto(const v1::IrModule& proto) {
  if (proto.schema_version() != 1) {
    return absl::InvalidArgumentError(
        fmt::format("IR: schema version {} is unknown", proto.schema_version()));
  }
  Module module;
  module.name = proto.name();
  const int32_t values = proto.values_size();
  for (const v1::IrValue& value : proto.values()) {
    ASSIGN_OR_RETURN(const ValueKind kind, KindFromProto(value.kind()));
    Value v{kind, {}};
    if (kind == ValueKind::kTensor) {
      ASSIGN_OR_RETURN(v.type, FromProto(value.spec()));
    }
    module.values.push_back(std::move(v));
  }
  int32_t next = 0;
  const auto take = [&]() -> absl::StatusOr<ValueId> {
    if (next >= values) return absl::InvalidArgumentError("IR: fewer values than producers");
    return ValueId{next++};
  };
  for (const v1::IrInput& input : proto.inputs()) {
    ASSIGN_OR_RETURN(const ValueId id, take());
    module.inputs.push_back({input.name(), id});
  }
  for (const v1::IrParameter& parameter : proto.parameters()) {
    ASSIGN_OR_RETURN(const ValueId id, take());
    ASSIGN_OR_RETURN(Initializer init, InitFromProto(parameter.init()));
    module.parameters.push_back({parameter.key(), id, init, parameter.buffer(),
                                 parameter.trainable(), parameter.persistent()});
  }
  for (const v1::IrSource& source : proto.sources()) {
    module.sources.push_back({source.node(), source.path(), source.type()});
  }
  for (const v1::IrCall& call : proto.calls()) {
    Call c;
    c.op = FindOp(call.op());
    if (c.op == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("IR: operator {} is not allowed", QuoteForMessage(call.op())));
    }
    for (const v1::IrArgument& arg : call.args()) {
      ASSIGN_OR_RETURN(Argument a, ArgFromProto(arg, values, 0));
      c.args.push_back(std::move(a));
    }
    if (call.num_outputs() < 0 || call.num_outputs() > values - next) {
      return absl::InvalidArgumentError("IR: a call has more outputs than there are values");
    }
    for (int i = 0; i < call.num_outputs(); ++i) {
      ASSIGN_OR_RETURN(const ValueId id, take());
      c.outputs.push_back(id);
    }
    c.source = call.source() < static_cast<int32_t>(module.sources.size()) ? call.source() : -1;
    module.calls.push_back(std::move(c));
  }
  for (const v1::IrAssumption& assumption : proto.assumptions()) {
    ASSIGN_OR_RETURN(Dim size, Dim::Parse(assumption.size()));
    const int32_t source = assumption.source();
    const bool known = source >= 0 && source < static_cast<int32_t>(module.sources.size());
    module.assumptions.Add({std::move(size), assumption.at_least(),
                            std::max<int64_t>(assumption.multiple_of(), 1), known ? source : -1});
  }
  for (const v1::IrOutput& output : proto.outputs()) {
    if (output.value() < 0 || output.value() >= values) {
      return absl::InvalidArgumentError(
          fmt::format("IR: output {} does not exist", output.value()));
    }
    module.outputs.push_back({output.name(), ValueId{output.value()}});
  }
  return module;
}

std::string ToText(const Module& module) {
  std::string out = fmt::format("ir 1 {}\n", QuoteForMessage(module.name, 1 << 16));
  for (const Input& input : module.inputs) {
    out += fmt::format("input %{} {} : {}\n", input.value.index,
                       QuoteForMessage(input.name, 1 << 16), TypeText(module.type(input.value)));
  }
  for (const Parameter& parameter : module.parameters) {
    out += fmt::format("{} %{} {} : {}{}\n", parameter.buffer ? "buffer" : "parameter",
                       parameter.value.index, QuoteForMessage(parameter.key, 1 << 16),
                       TypeText(module.type(parameter.value)),
                       parameter.trainable || parameter.buffer ? "" : " frozen");
  }
  for (const Call& call : module.calls) {
    std::string results;
    std::string types;
    for (const ValueId id : call.outputs) {
      results += fmt::format("{}%{}", results.empty() ? "" : ", ", id.index);
      types +=
          (types.empty() ? "" : ", ") + ValueTypeText(module.values[static_cast<size_t>(id.index)]);
    }
    std::string args;
    for (const Argument& arg : call.args) args += (args.empty() ? "" : ", ") + ArgText(arg);
    out += fmt::format("{} = {}({}) : {}", results, call.op->name, args, types);
    if (call.source >= 0) {
      const Source& source = module.sources[static_cast<size_t>(call.source)];
      out += fmt::format("  # {}", QuoteForMessage(source.path, 1 << 16));
    }
    out += '\n';
  }
  for (const Output& output : module.outputs) {
    out +=
        fmt::format("output %{} {}\n", output.value.index, QuoteForMessage(output.name, 1 << 16));
  }
  for (const Assumption& assumption : module.assumptions.all()) {
    out += fmt::format("assume {}", assumption.ToString());
    if (assumption.source >= 0) {
      const Source& source = module.sources[static_cast<size_t>(assumption.source)];
      out += fmt::format("  # {}", QuoteForMessage(source.path, 1 << 16));
    }
    out += '\n';
  }
  return out;
}

}  // namespace graphkiln::ir
