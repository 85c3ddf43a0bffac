#include "common/compiler/known_params.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace graphkiln::compiler {
namespace {

bool IsSame(const v1::Value& a, const v1::Value& b) {
  if (a.kind_case() != b.kind_case()) return false;
  switch (a.kind_case()) {
    case v1::Value::kIntValue:
      return a.int_value() == b.int_value();
    case v1::Value::kDoubleValue:
      // 0.0 and -0.0 differ in Python, too.
      return std::bit_cast<uint64_t>(a.double_value()) == std::bit_cast<uint64_t>(b.double_value());
    case v1::Value::kBoolValue:
      return a.bool_value() == b.bool_value();
    case v1::Value::kStringValue:
      return a.string_value() == b.string_value();
    default:
      return false;  // rare: made anew
  }
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

const nodes::Params* KnownParams::Find(const nodes::NodeDef& def,
                                       const nodes::GivenParams& given) const {
  const auto it = by_type_.find(&def);
  if (it == by_type_.end()) return nullptr;
  const Last& last = it->second;
  for (size_t i = 0; i < std::min(last.count, last.ones.size()); ++i) {
    const One& one = last.ones[i];
    const bool same = std::equal(one.given.begin(), one.given.end(), given.begin(), given.end(),
                                 [](const auto& a, const auto& b) {
                                   return a.first == b.name && IsSame(a.second, *b.value);
                                 });
    if (same) return &one.params;
  }
  return nullptr;
}

void KnownParams::Add(const nodes::NodeDef& def, const nodes::GivenParams& given,
                      const nodes::Params& params) {
  if (InfersFromOptional(def)) return;
  Last& last = by_type_[&def];
  One& one = last.ones[last.count++ % last.ones.size()];
  one.given.clear();
  for (const nodes::GivenParam& param : given) one.given.emplace_back(param.name, *param.value);
  one.params = params;
}

}  // namespace graphkiln::compiler
