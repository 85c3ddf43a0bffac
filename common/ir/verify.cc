#include "common/ir/verify.h"

#include "absl/container/flat_hash_set.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/ir/call_builder.h"
#include "common/ir/op_def.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

constexpr size_t kAhead = 8;

absl::Status Fault(std::string what) {
  return absl::InternalError("IR verifier: " + std::move(what));
}

class Verifier {
 public:
  Verifier(const Module& module, VerifyDepth depth)
      : module_(module), depth_(depth), defined_(module.values.size(), false) {}

  absl::Status Run() {
    for (const Input& input : module_.inputs)
      RETURN_IF_ERROR(Define(input.value, [&] { return "input " + input.name; }));
    absl::flat_hash_set<std::string_view, StringHash, StringEq> keys;
    keys.reserve(module_.parameters.size());
    for (const Parameter& parameter : module_.parameters) {
      RETURN_IF_ERROR(Define(parameter.value, [&] { return "parameter " + parameter.key; }));
      if (!keys.insert(parameter.key).second)
        return Fault(fmt::format("key {} twice", parameter.key));
      for (const Dim& dim : module_.type(parameter.value).shape) {
        if (!dim.IsConst())
          return Fault(fmt::format("parameter {} has no fixed size", parameter.key));
      }
    }
    for (size_t i = 0; i < module_.calls.size(); ++i) {
      module_.Prefetch(i + kAhead);
      RETURN_IF_ERROR(CheckCall(i, module_.calls[i]));
    }
    for (const Output& output : module_.outputs) {
      RETURN_IF_ERROR(Use(output.value, [&] { return "output " + output.name; }));
    }
    return absl::OkStatus();
  }

 private:
  // `what` gives the text of the place, for faults alone.
  template <class What>
  absl::Status Define(ValueId id, What&& what) {
    if (id.index < 0 || static_cast<size_t>(id.index) >= defined_.size())
      return Fault(what() + ": no such value");
    if (defined_[static_cast<size_t>(id.index)]) return Fault(what() + ": value has two producers");
    defined_[static_cast<size_t>(id.index)] = true;
    return absl::OkStatus();
  }
  template <class What>
  absl::Status Use(ValueId id, What&& what) const {
    if (id.index < 0 || static_cast<size_t>(id.index) >= defined_.size() ||
        !defined_[static_cast<size_t>(id.index)]) {
      return Fault(fmt::format("{} uses %{} before it is produced", what(), id.index));
    }
    return absl::OkStatus();
  }
  absl::Status CheckCall(size_t i, const Call& call) {
    if (call.op == nullptr) return Fault(fmt::format("call {} has no operator", i));
    const auto what = [&] { return fmt::format("call {} ({})", i, call.op->name); };
    if (call.args.size() != call.op->args.size()) {
      return Fault(fmt::format("{}: {} arguments, {} expected", what(), call.args.size(),
                               call.op->args.size()));
    }
    for (const Argument& arg : call.args) {
      absl::Status used;
      VisitValues(arg, [&](const ValueId& id) { used.Update(Use(id, what)); });
      RETURN_IF_ERROR(used);
    }
    if (depth_ == VerifyDepth::kTypes) return CheckTypes(call, what);
    for (const ValueId id : call.outputs) RETURN_IF_ERROR(Define(id, what));
    return absl::OkStatus();
  }
  template <class What>
  absl::Status CheckTypes(const Call& call, What&& what) {
    for (size_t a = 0; a < call.args.size(); ++a) {
      const std::string problem = ArgumentProblem(call.op->args[a], call.args[a], module_.values);
      if (!problem.empty())
        return Fault(fmt::format("{}: argument {} {}", what(), call.op->args[a].name, problem));
    }
    TypeContext context(*call.op, call.args, module_.values);
    const absl::Status typed = call.op->infer(context);
    if (!typed.ok()) return Fault(fmt::format("{}: {}", what(), std::string(typed.message())));
    const TypeContext::Outputs& outputs = context.outputs();
    if (outputs.size() != call.outputs.size()) return Fault(what() + ": wrong number of outputs");
    for (size_t o = 0; o < outputs.size(); ++o) {
      RETURN_IF_ERROR(Define(call.outputs[o], what));
      const Value& stored = module_.values[static_cast<size_t>(call.outputs[o].index)];
      if (stored.kind != outputs[o].kind ||
          (stored.kind == ValueKind::kTensor && stored.type != outputs[o].type)) {
        return Fault(fmt::format("{}: output {} is {}, its operator gives {}", what(), o,
                                 TypeText(stored.type), TypeText(outputs[o].type)));
      }
    }
    return absl::OkStatus();
  }

  const Module& module_;
  const VerifyDepth depth_;
  std::vector<bool> defined_;
};

}  // namespace

absl::Status Verify(const Module& module, VerifyDepth depth) {
  return Verifier(module, depth).Run();
}

}  // namespace graphkiln::ir
