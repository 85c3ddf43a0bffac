// `$name` in the parameters of a user's graph. Used while a graph is normalised; not thread-safe,
// for it remembers what it has evaluated.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/compiler/expression.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// Variables may use each other; each is evaluated once, and a circle has no value.
class GraphScope final : public ExpressionScope {
 public:
  // `graph` must outlive the scope.
  explicit GraphScope(const v1::Graph& graph) : graph_(graph) {}
  std::optional<v1::Value> Variable(std::string_view name) const override {
    const auto it = graph_.variables().find(std::string(name));
    if (it == graph_.variables().end() || depth_ >= kMaxDepth) return std::nullopt;
    // Stands as nothing while it is evaluated.
    const auto [known, first] = values_.try_emplace(std::string(name));
    if (!first) return known->second;
    ++depth_;
    auto value = EvaluateAll(it->second, *this);
    --depth_;
    if (!value.ok()) return std::nullopt;
    return values_[std::string(name)] = *std::move(value);
  }
  std::optional<v1::Value> InputDim(std::string_view, int64_t) const override {
    return std::nullopt;
  }
  std::optional<int64_t> InputRank(std::string_view) const override { return std::nullopt; }

 private:
  static constexpr int kMaxDepth = 64;

  const v1::Graph& graph_;
  mutable StringMap<std::optional<v1::Value>> values_;
  mutable int depth_ = 0;  // of nested variables in the evaluation under way
};

}  // namespace graphkiln::compiler
