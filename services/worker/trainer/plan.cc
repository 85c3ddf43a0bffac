#include "services/worker/trainer/plan.h"

#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>
#include <fmt/format.h>

#include <optional>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/ir/op_def.h"
#include "common/ir/verify.h"
#include "services/worker/trainer/dtype.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

absl::Status Invalid(std::string text) { return UserFault(reason::kIrInvalid, text); }

// The element type behind `?`, and behind `[]` where the schema has a list.
struct SchemaType {
  c10::TypeKind kind = c10::TypeKind::AnyType;
  bool list = false;
  bool optional_elements = false;
};

SchemaType Inspect(const c10::Argument& argument) {
  SchemaType result;
  c10::TypePtr type = argument.type();
  if (auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
  if (auto list = type->cast<c10::ListType>()) {
    result.list = true;
    type = list->getElementType();
    if (auto optional = type->cast<c10::OptionalType>()) {
      result.optional_elements = true;
      type = optional->getElementType();
    }
  }
  result.kind = type->kind();
  return result;
}

// `aten.conv2d.default` -> {"aten::conv2d", ""}.
std::pair<std::string, std::string> TorchName(std::string_view name) {
  const std::vector<std::string_view> parts = SplitView(name, '.');
  if (parts.size() < 2) return {std::string(name), ""};
  std::string overload = parts.size() > 2 ? std::string(parts[2]) : "";
  if (overload == "default") overload.clear();
  return {fmt::format("{}::{}", parts[0], parts[1]), std::move(overload)};
}

}  // namespace

// Builds one Plan; lives for the time of Plan::Compile.
class PlanCompiler {
 public:
  PlanCompiler(const ir::Module& module, c10::Device device) : module_(module), device_(device) {}

  absl::StatusOr<Plan> Run() {
    plan_.sources_ = module_.sources;
    plan_.num_slots_ = static_cast<int>(module_.values.size());
    plan_.num_parameters_ = static_cast<int>(module_.parameters.size());
    RETURN_IF_ERROR(AddInputs());
    FindLastUses();
    for (const ir::Call& call : module_.calls) RETURN_IF_ERROR(AddCall(call));
    for (const ir::Output& output : module_.outputs) {
      plan_.outputs_.push_back({output.name, output.value.index});
    }
    return std::move(plan_);
  }

 private:
  absl::Status AddInputs() {
    for (const ir::Input& input : module_.inputs) {
      const ir::TensorType& type = module_.type(input.value);
      PlanInput plan_input;
      plan_input.name = input.name;
      ASSIGN_OR_RETURN(plan_input.dtype, ToScalarType(type.dtype));
      plan_input.shape = type.shape;
      plan_.inputs_.push_back(std::move(plan_input));
    }
    plan_.symbols_ = ir::InputSymbols(module_);
    plan_.assumptions_ = module_.assumptions.all();
    return absl::OkStatus();
  }

  // last_use_[v]: the last call that reads v; inputs, parameters and results of the module stay.
  void FindLastUses() {
    last_use_.assign(module_.values.size(), -1);
    for (size_t i = 0; i < module_.calls.size(); ++i) {
      for (const ir::Argument& argument : module_.calls[i].args) {
        ir::VisitValues(argument, [&](ir::ValueId value) {
          last_use_[static_cast<size_t>(value.index)] = static_cast<int64_t>(i);
        });
      }
    }
    kept_.assign(module_.values.size(), false);
    for (size_t i = 0; i < module_.inputs.size() + module_.parameters.size(); ++i) kept_[i] = true;
    for (const ir::Output& output : module_.outputs) {
      kept_[static_cast<size_t>(output.value.index)] = true;
    }
  }

  absl::Status AddCall(const ir::Call& call) {
    if (call.op == nullptr) return Invalid("a call has no operator");
    const std::string name(call.op->name);
    const auto [torch_name, overload] = TorchName(name);
    std::optional<c10::OperatorHandle> op =
        c10::Dispatcher::singleton().findSchema({torch_name, overload});
    if (!op.has_value()) {
      return UserFault(reason::kUnsupported, fmt::format("this LibTorch has no operator {}", name));
    }
    const c10::FunctionSchema& schema = op->schema();
    if (schema.arguments().size() != call.args.size()) {
      return Invalid(fmt::format("{} takes {} arguments, {} given", name, schema.arguments().size(),
                                 call.args.size()));
    }
    PlanCall plan_call{*op, {}, {}, false, call.source};
    for (size_t i = 0; i < call.args.size(); ++i) {
      auto argument = MakeArgument(call.args[i], schema.arguments()[i]);
      if (!argument.ok()) {
        return Annotate(argument.status(),
                        fmt::format("{}, argument {}", name, schema.arguments()[i].name()));
      }
      plan_call.args.push_back(*std::move(argument));
    }
    MarkLastUses(plan_call);
    plan_call.returns_list =
        schema.returns().size() == 1 && schema.returns()[0].type()->cast<c10::ListType>();
    if (!plan_call.returns_list && schema.returns().size() != call.outputs.size()) {
      return Invalid(fmt::format("{} returns {} values, {} expected", name, schema.returns().size(),
                                 call.outputs.size()));
    }
    for (const ir::ValueId output : call.outputs) {
      const size_t slot = static_cast<size_t>(output.index);
      plan_call.outputs.push_back(kept_[slot] || last_use_[slot] >= 0 ? output.index : -1);
    }
    plan_.calls_.push_back(std::move(plan_call));
    return absl::OkStatus();
  }

  // The last mention of a value in its last call gives the value away. Walks backwards, so that a
  // value which stands twice in one call is moved by its last mention only.
  void MarkLastUses(PlanCall& call) {
    const auto current = static_cast<int64_t>(plan_.calls_.size());
    const auto mark = [&](PlanArgument& argument) {
      if (argument.kind != PlanArgument::Kind::kSlot) return;
      const size_t slot = static_cast<size_t>(argument.slot);
      if (kept_[slot] || last_use_[slot] != current) return;
      argument.kind = PlanArgument::Kind::kLastUse;
      kept_[slot] = true;  // no earlier mention may move it too
      given_.push_back(slot);
    };
    for (auto argument = call.args.rbegin(); argument != call.args.rend(); ++argument) {
      mark(*argument);
      for (auto item = argument->items.rbegin(); item != argument->items.rend(); ++item) {
        mark(*item);
      }
    }
    for (const size_t slot : given_) kept_[slot] = false;
    given_.clear();
  }

  absl::StatusOr<PlanArgument> MakeArgument(const ir::Argument& argument,
                                            const c10::Argument& schema) {
    const SchemaType type = Inspect(schema);
    if (argument.IsNone()) return Constant({});
    if (const auto* list = argument.As<ir::Argument::List>()) {
      if (!type.list) return Invalid("a list stands where one value is wanted");
      return MakeList(*list, type);
    }
    if (type.list) {  // ATen's rule: one number stands for a list of one
      return MakeList({argument}, type);
    }
    return MakeScalar(argument, type);
  }

  static PlanArgument Constant(c10::IValue value) {
    PlanArgument result;
    result.constant = std::move(value);
    return result;
  }

  PlanArgument Slot(ir::ValueId value) const {
    PlanArgument result;
    result.kind = PlanArgument::Kind::kSlot;
    result.slot = value.index;
    return result;
  }

  PlanArgument Size(const ir::Dim& dim) {
    PlanArgument result;
    result.kind = PlanArgument::Kind::kSize;
    result.slot = static_cast<int32_t>(plan_.sizes_.size());
    plan_.sizes_.push_back(dim);
    return result;
  }

  absl::StatusOr<PlanArgument> MakeScalar(const ir::Argument& argument, const SchemaType& type) {
    if (const auto* value = argument.As<ir::ValueId>()) return Slot(*value);
    const auto* flag = argument.As<ir::TrainingArg>();
    const bool negated = argument.As<ir::NotTrainingArg>() != nullptr;
    if (flag != nullptr || negated) {
      const double value = negated ? 1 : flag->value;
      PlanArgument result;
      result.kind = PlanArgument::Kind::kFlag;
      result.negated = negated;
      result.as_number = type.kind != c10::TypeKind::BoolType;
      if (type.kind == c10::TypeKind::FloatType) {
        result.constant = value;
      } else {
        result.constant = static_cast<int64_t>(value);
      }
      return result;
    }
    if (const auto* dim = argument.As<ir::Dim>()) {
      if (type.kind != c10::TypeKind::IntType && type.kind != c10::TypeKind::SymIntType &&
          type.kind != c10::TypeKind::NumberType) {
        return Invalid("a size stands where no whole number is wanted");
      }
      return Size(*dim);
    }
    return MakeConstant(argument, type);
  }

  absl::StatusOr<PlanArgument> MakeConstant(const ir::Argument& argument, const SchemaType& type) {
    if (argument.As<ir::DeviceArg>() != nullptr) return Constant(device_);
    if (const auto* dtype = argument.As<ir::DataType>()) {
      ASSIGN_OR_RETURN(const at::ScalarType scalar_type, ToScalarType(*dtype));
      return Constant(static_cast<int64_t>(scalar_type));
    }
    switch (type.kind) {
      case c10::TypeKind::BoolType:
        if (const auto* flag = argument.As<bool>()) return Constant(*flag);
        if (const auto* number = argument.As<int64_t>()) return Constant(*number != 0);
        break;
      case c10::TypeKind::IntType:
      case c10::TypeKind::SymIntType:
        if (const auto* number = argument.As<int64_t>()) return Constant(*number);
        if (const auto* flag = argument.As<bool>()) return Constant(int64_t{*flag});
        break;
      case c10::TypeKind::FloatType:
        if (const auto* number = argument.As<double>()) return Constant(*number);
        if (const auto* number = argument.As<int64_t>()) {
          return Constant(static_cast<double>(*number));
        }
        break;
      case c10::TypeKind::NumberType:
        if (const auto* number = argument.As<double>()) return Constant(*number);
        if (const auto* number = argument.As<int64_t>()) return Constant(*number);
        if (const auto* flag = argument.As<bool>()) return Constant(*flag);
        break;
      case c10::TypeKind::StringType:
        if (const auto* text = argument.As<std::string>()) return Constant(*text);
        break;
      default:
        break;
    }
    return Invalid("the argument does not fit the operator's schema");
  }

  absl::StatusOr<PlanArgument> MakeList(const ir::Argument::List& list, const SchemaType& type) {
    if (type.kind == c10::TypeKind::TensorType) {
      PlanArgument result;
      result.kind = type.optional_elements ? PlanArgument::Kind::kOptionalList
                                           : PlanArgument::Kind::kTensorList;
      for (const ir::Argument& item : list) {
        if (const auto* value = item.As<ir::ValueId>()) {
          result.items.push_back(Slot(*value));
        } else if (item.IsNone() && type.optional_elements) {
          result.items.push_back(Constant({}));
        } else {
          return Invalid("a list of tensors holds something else");
        }
      }
      return result;
    }
    SchemaType element = type;
    element.list = false;
    std::vector<PlanArgument> items;
    bool constant = true;
    for (const ir::Argument& item : list) {
      ASSIGN_OR_RETURN(PlanArgument made, MakeScalar(item, element));
      constant = constant && made.kind == PlanArgument::Kind::kConstant;
      items.push_back(std::move(made));
    }
    const bool integers =
        type.kind == c10::TypeKind::IntType || type.kind == c10::TypeKind::SymIntType;
    if (constant) return ConstantList(items, type.kind);
    if (!integers) return Invalid("only lists of whole numbers may be computed at run time");
    PlanArgument result;
    result.kind = PlanArgument::Kind::kIntList;
    result.items = std::move(items);
    return result;
  }

  static absl::StatusOr<PlanArgument> ConstantList(const std::vector<PlanArgument>& items,
                                                   c10::TypeKind kind) {
    const auto collect = [&]<class T>(auto read) {
      c10::List<T> list;
      list.reserve(items.size());
      for (const PlanArgument& item : items) list.push_back(read(item.constant));
      return Constant(c10::IValue(std::move(list)));
    };
    switch (kind) {
      case c10::TypeKind::IntType:
      case c10::TypeKind::SymIntType:
        return collect.operator()<int64_t>([](const c10::IValue& v) { return v.toInt(); });
      case c10::TypeKind::FloatType:
        return collect.operator()<double>([](const c10::IValue& v) { return v.toDouble(); });
      case c10::TypeKind::BoolType:
        return collect.operator()<bool>([](const c10::IValue& v) { return v.toBool(); });
      case c10::TypeKind::NumberType:
        return collect.operator()<at::Scalar>([](const c10::IValue& v) { return v.toScalar(); });
      default:
        return Invalid("the list does not fit the operator's schema");
    }
  }

  const ir::Module& module_;
  const c10::Device device_;
  Plan plan_;
  std::vector<int64_t> last_use_;
  std::vector<bool> kept_;
  std::vector<size_t> given_;
};

absl::StatusOr<Plan> Plan::Compile(const api::IrModule& module, c10::Device device) {
  const absl::StatusOr<ir::Module> parsed = ir::FromProto(module);
  if (!parsed.ok()) return InputFault(reason::kIrInvalid, parsed.status());
  RETURN_IF_ERROR(InputFault(reason::kIrInvalid, ir::Verify(*parsed)));
  absl::StatusOr<Plan> plan;
  const absl::Status status = CatchTorch([] { return std::string("compiling the program"); },
                                         [&] { plan = PlanCompiler(*parsed, device).Run(); });
  if (!status.ok()) return status;
  return plan;
}

std::string Plan::Needs(const ir::Assumption& assumption) const {
  if (assumption.source < 0 || static_cast<size_t>(assumption.source) >= sources_.size()) return "";
  const ir::Source& source = sources_[static_cast<size_t>(assumption.source)];
  return fmt::format(" for node {}", QuoteForMessage(source.node));
}

std::string Plan::Describe(const PlanCall& call) const {
  std::string op = call.op.operator_name().name;
  if (call.source < 0 || static_cast<size_t>(call.source) >= sources_.size()) return op;
  const ir::Source& source = sources_[static_cast<size_t>(call.source)];
  return fmt::format("node {} ({}), {}", QuoteForMessage(source.node), source.type, op);
}

}  // namespace graphkiln::trainer
