#include "common/estimate/numbers.h"

#include <map>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/ir/op_def.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::estimate {
namespace {

using ir::Argument;
using ir::DataType;
using ir::ValueId;

constexpr DataType kFull = v1::DATA_TYPE_FLOAT32;

DataType TypeOf(v1::Precision precision) {
  switch (precision) {
    case v1::PRECISION_BFLOAT16:
      return v1::DATA_TYPE_BFLOAT16;
    case v1::PRECISION_FLOAT16:
      return v1::DATA_TYPE_FLOAT16;
    case v1::PRECISION_FLOAT64:
      return v1::DATA_TYPE_FLOAT64;
    default:
      return kFull;
  }
}

class Rewriter {
 public:
  Rewriter(ir::Module module, DataType type, bool autocast)
      : module_(std::move(module)), type_(type), autocast_(autocast) {}

  absl::StatusOr<ir::Module> Run() {
    weight_.resize(module_.values.size(), false);
    for (const ir::Parameter& parameter : module_.parameters) weight_[At(parameter.value)] = true;
    if (!autocast_) {
      for (const ir::Parameter& parameter : module_.parameters) Retype(parameter.value);
      for (const ir::Input& input : module_.inputs) Retype(input.value);
    }
    std::vector<ir::Call> calls;
    std::swap(calls, module_.calls);
    for (ir::Call& call : calls) {
      if (!autocast_) RetypeArguments(&call);
      if (autocast_ && call.op->product) Convert(&call, kFull, type_);
      absl::Status typed = Type(&call);
      if (!typed.ok() && autocast_) {
        // Where half and full precision may not meet, full precision it is.
        Convert(&call, type_, kFull);
        typed = Type(&call);
      }
      RETURN_IF_ERROR(typed);
      module_.calls.push_back(std::move(call));
    }
    return std::move(module_);
  }

 private:
  static size_t At(ValueId id) { return static_cast<size_t>(id.index); }
  DataType& DTypeOf(ValueId id) { return module_.values[At(id)].type.dtype; }
  void Retype(ValueId id) {
    if (DTypeOf(id) == kFull) DTypeOf(id) = type_;
  }

  // What a call makes in full precision by its own word, such as a first state of zeros.
  void RetypeArguments(ir::Call* call) const {
    for (Argument& arg : call->args) {
      if (auto* dtype = arg.As<DataType>(); dtype != nullptr && *dtype == kFull) *dtype = type_;
    }
  }

  // Operands of type `from` become `to`; the copy of a weight serves all calls.
  void Convert(ir::Call* call, DataType from, DataType to) {
    static const ir::OpDef* const kConvert = ir::FindOp("aten.to.dtype");
    for (Argument& arg : call->args) {
      ir::VisitValues(arg, [&](ValueId& id) {
        if (module_.values[At(id)].kind != ir::ValueKind::kTensor || DTypeOf(id) != from) return;
        const bool weight = At(id) < weight_.size() && weight_[At(id)];
        const auto key = std::make_pair(id.index, to);
        if (const auto it = copies_.find(key); weight && it != copies_.end()) {
          id = it->second;
          return;
        }
        const ir::TensorType type = module_.type(id).WithDType(to);
        const ValueId copy = module_.AddValue({ir::ValueKind::kTensor, type});
        module_.calls.push_back(
            {kConvert, {id, to, false, false, Argument()}, {copy}, call->source});
        if (weight) copies_[key] = copy;
        id = copy;
      });
    }
  }

  // The types of the call's results. Normalisations take full weights with half inputs: the weights
  // count as half while the rule looks.
  absl::Status Type(ir::Call* call) {
    std::vector<ValueId> shown;
    ir::TypeContext plain(*call->op, call->args, module_.values);
    if (call->op->infer(plain).ok()) return Take(*call, plain);
    if (autocast_ && !call->op->product) {
      for (const Argument& arg : call->args) {
        ir::VisitValues(arg, [&](const ValueId& id) {
          if (At(id) >= weight_.size() || !weight_[At(id)] || DTypeOf(id) != kFull) return;
          DTypeOf(id) = type_;
          shown.push_back(id);
        });
      }
    }
    ir::TypeContext mixed(*call->op, call->args, module_.values);
    const bool fits = !shown.empty() && call->op->infer(mixed).ok();
    for (const ValueId id : shown) DTypeOf(id) = kFull;
    if (fits) return Take(*call, mixed);
    return absl::InvalidArgumentError(
        fmt::format("{} does not run in {}", call->op->name, ir::DTypeName(type_)));
  }

  absl::Status Take(const ir::Call& call, const ir::TypeContext& typed) {
    if (typed.outputs().size() != call.outputs.size())
      return absl::InternalError(fmt::format("{} has other results now", call.op->name));
    for (size_t i = 0; i < call.outputs.size(); ++i)
      DTypeOf(call.outputs[i]) = typed.outputs()[i].type.dtype;
    return absl::OkStatus();
  }

  ir::Module module_;
  const DataType type_;
  const bool autocast_;
  std::vector<bool> weight_;  // of the values that the module came with
  std::map<std::pair<int32_t, DataType>, ValueId> copies_;
};

}  // namespace

const std::vector<NumbersKind>& AllNumbers() {
  static const auto& kinds = *new std::vector<NumbersKind>{
      {"float32", v1::PRECISION_FLOAT32, false},
      {"bfloat16", v1::PRECISION_BFLOAT16, false},
      {"float16", v1::PRECISION_FLOAT16, false},
      {"pure-bfloat16", v1::PRECISION_BFLOAT16, true},
      {"pure-float16", v1::PRECISION_FLOAT16, true},
      {"float64", v1::PRECISION_FLOAT64, false},
  };
  return kinds;
}

std::string_view NumbersName(const v1::Numbers& numbers) {
  for (const NumbersKind& kind : AllNumbers()) {
    if (kind.precision == numbers.precision() && kind.pure == numbers.pure()) return kind.name;
  }
  // Full precision is pure in any case.
  return numbers.precision() == v1::PRECISION_FLOAT64 ? "float64" : "float32";
}

std::optional<v1::Numbers> ParseNumbers(std::string_view name) {
  for (const NumbersKind& kind : AllNumbers()) {
    if (kind.name != name) continue;
    v1::Numbers numbers;
    numbers.set_precision(kind.precision);
    numbers.set_pure(kind.pure);
    return numbers;
  }
  return std::nullopt;
}

absl::StatusOr<ir::Module> WithNumbers(ir::Module module, const v1::Numbers& numbers) {
  const DataType type = TypeOf(numbers.precision());
  if (type == kFull) return module;
  const bool autocast = !numbers.pure() && numbers.precision() != v1::PRECISION_FLOAT64;
  return Rewriter(std::move(module), type, autocast).Run();
}

}  // namespace graphkiln::estimate
