// Where the weights of one instance go: state_dict keys, sharing (`module`), freezing. Used by the
// type pass.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/compiler/weight_keys.h"
#include "common/ir/module.h"
#include "common/nodes/body.h"
#include "fmt/format.h"

namespace graphkiln::compiler {

// Of all nodes together, those that share weights counted each time: what few nodes with a thousand
// layers make ends here. 100,000 batch norms fit, and 500 recurrent nets of 125 layers.
inline constexpr int64_t kMostWeights = 500'000;

// The weights of one instance: keys are the path and the weight's name; a shared module finds what
// is there.
class Weights final : public nodes::WeightStore {
 public:
  // `count` is that of all weights so far. `alone`: no other node can have weights of that prefix.
  // `xavier`: weights of two dimensions start as a composite around says, not as the node's type.
  Weights(ir::Module& module, WeightKeys& keys, int64_t* count, const std::string& prefix,
          bool alone, bool shared, bool frozen, bool xavier)
      : module_(module),
        keys_(keys),
        count_(count),
        prefix_(prefix),
        alone_(alone),
        shared_(shared),
        frozen_(frozen),
        xavier_(xavier) {}

  std::optional<ir::ValueId> Declare(std::string_view name, ir::TensorType type,
                                     const ir::Initializer& init, bool buffer, bool persistent,
                                     nodes::Failure* failure) override {
    if (++*count_ > kMostWeights) {
      failure->code = "LIMIT";
      failure->message = fmt::format("the graph has more than {} weights", kMostWeights);
      return std::nullopt;
    }
    std::string key = prefix_;
    if (!name.empty()) key.append(1, '.').append(name);
    ir::Parameter* const there = alone_ ? nullptr : keys_.Find(module_.parameters, key);
    if (there != nullptr) {
      if (shared_ && module_.type(there->value) == type) {
        if (frozen_) there->trainable = false;  // one node that is frozen freezes all that share
        return there->value;
      }
      failure->code = shared_ ? "SHARED_MODULE" : "DUPLICATE_ID";
      failure->rule = "WEIGHT_C2";
      failure->message = shared_ ? fmt::format("the shared weight {} has another type here", key)
                                 : fmt::format("two nodes have the weight {}", key);
      failure->expected = ir::TypeText(module_.type(there->value));
      failure->found = ir::TypeText(type);
      return std::nullopt;
    }
    ir::Initializer start = Start(type, init, buffer);
    const ir::ValueId id = module_.AddValue({ir::ValueKind::kTensor, std::move(type)});
    module_.parameters.push_back(
        {std::move(key), id, std::move(start), buffer, !buffer && !frozen_, persistent});
    return id;
  }

 private:
  ir::Initializer Start(const ir::TensorType& type, const ir::Initializer& init,
                        bool buffer) const {
    if (!xavier_ || buffer || type.rank() != 2) return init;
    const double fans = static_cast<double>(type.dim(0).value() + type.dim(1).value());
    return ir::Initializer::Uniform(std::sqrt(6.0 / fans));
  }

  ir::Module& module_;
  WeightKeys& keys_;
  int64_t* const count_;
  const std::string& prefix_;
  const bool alone_, shared_, frozen_, xavier_;
};

}  // namespace graphkiln::compiler
