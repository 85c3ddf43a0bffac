#include "common/compiler/known_params.h"

#include <algorithm>

namespace graphkiln::compiler {
namespace {

bool IsSame(const v1::Value& a, const v1::Value& b) {
  if (a.kind_case() != b.kind_case()) return false;
  switch (a.kind_case()) {
    case v1::Value::kIntValue:
      return a.int_value() == b.int_value();
    case v1::Value::kDoubleValue:
      return a.double_value() == b.double_value();
    case v1::Value::kBoolValue:
      return a.bool_value() == b.bool_value();
    case v1::Value::kStringValue:
      return a.string_value() == b.string_value();
    default:
      return false;  // rare: made anew
  }
}

bool IsSame(const KnownParams::Given& a, const KnownParams::Given& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && IsSame(x.second, y.second);
         });
}

// True where what is inferred depends on which ports are connected.
bool InfersFromOptional(const nodes::NodeDef& def) {
  return std::any_of(def.params.begin(), def.params.end(), [&def](const nodes::ParamSpec& spec) {
    if (!spec.inferred) return false;
    const int port = def.InputIndex(spec.inferred_port);
    return port < 0 || def.inputs[static_cast<size_t>(port)].optional;
  });
}

}  // namespace

const nodes::Params* KnownParams::Find(const nodes::NodeDef& def, const Given& given) const {
  const auto it = by_type_.find(&def);
  if (it == by_type_.end()) return nullptr;
  const Last& last = it->second;
  for (size_t i = 0; i < std::min(last.count, last.ones.size()); ++i) {
    if (IsSame(last.ones[i].given, given)) return &last.ones[i].params;
  }
  return nullptr;
}

void KnownParams::Add(const nodes::NodeDef& def, const Given& given, const nodes::Params& params) {
  if (InfersFromOptional(def)) return;
  Last& last = by_type_[&def];
  last.ones[last.count++ % last.ones.size()] = {given, params};
}

}  // namespace graphkiln::compiler
