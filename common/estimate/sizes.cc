#include "common/estimate/sizes.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/ir/op_def.h"
#include "common/ir/type_context.h"
#include "common/ir/types.h"

namespace graphkiln::estimate {
namespace {

constexpr int64_t kMost = ir::Dim::kSaturated;

}  // namespace

int64_t Plus(int64_t a, int64_t b) { return a > kMost - b ? kMost : a + b; }

int64_t Times(int64_t a, int64_t b) { return a > 0 && b > kMost / a ? kMost : a * b; }

Sizes::Sizes(const ir::Module& module, const std::map<std::string, int64_t>& symbols)
    : module_(module), symbols_(symbols) {
  elements_.reserve(module.values.size());
  for (const ir::Value& value : module.values) {
    int64_t elements = value.kind == ir::ValueKind::kTensor ? 1 : 0;
    for (const ir::Dim& dim : value.type.shape) elements = Times(elements, Evaluate(dim));
    elements_.push_back(elements);
  }
}

int64_t Sizes::Evaluate(const ir::Dim& dim) const {
  if (dim.IsConst()) return std::max<int64_t>(dim.value(), 0);
  const auto value = dim.Evaluate([this](std::string_view symbol) -> std::optional<int64_t> {
    const auto it = symbols_.find(std::string(symbol));
    return it != symbols_.end() ? it->second : 1;
  });
  // A size that does not exist for these symbols (a window larger than the input) costs nothing.
  return value.ok() ? std::max<int64_t>(*value, 0) : 0;
}

int64_t Sizes::Bytes(ir::ValueId id) const {
  return Times(Elements(id), ir::DTypeBytes(module_.type(id).dtype));
}

int64_t Sizes::Flops(const ir::Call& call) const {
  if (call.op->flops == nullptr) {
    if (call.op->view) return 0;
    int64_t sum = 0;
    for (const ir::ValueId id : call.outputs) sum = Plus(sum, Elements(id));
    return sum;
  }
  return Rule(call, call.op->flops);
}

int64_t Sizes::Workspace(const ir::Call& call) const {
  if (call.op->workspace == nullptr || call.outputs.empty()) return 0;
  return Times(Rule(call, call.op->workspace), ir::DTypeBytes(module_.type(call.outputs[0]).dtype));
}

bool Sizes::HandsOn(const ir::Call& call, bool training) const {
  if (call.op->hands_on == nullptr) return false;
  ir::TypeContext context(*call.op, call.args, module_.values);
  return call.op->infer(context).ok() && call.op->hands_on(context, training);
}

// The type rule has passed once, when the call was typed; it runs again to give the cost rule its
// outputs.
int64_t Sizes::Rule(const ir::Call& call, ir::Dim (*rule)(const ir::TypeContext&)) const {
  ir::TypeContext context(*call.op, call.args, module_.values);
  return call.op->infer(context).ok() ? Evaluate(rule(context)) : 0;
}

}  // namespace graphkiln::estimate
