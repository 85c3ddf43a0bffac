// `$name` in the parameters of a user's graph. Used while a graph is normalised; not thread-safe,
// for it remembers what it has evaluated.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/strings.h"
#include "common/compiler/expression.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// Variables may use each other. All are evaluated at the first question, each after those that it
// names, so that neither the depth of a chain nor who asks first makes a difference; those in or
// behind a circle have no value.
class GraphScope final : public ExpressionScope {
 public:
  // `graph` must outlive the scope.
  explicit GraphScope(const v1::Graph& graph) : graph_(graph) {}
  std::optional<v1::Value> Variable(std::string_view name) const override;
  std::optional<v1::Value> InputDim(std::string_view, int64_t) const override {
    return std::nullopt;
  }
  std::optional<int64_t> InputRank(std::string_view) const override { return std::nullopt; }

 private:
  void EvaluateVariables() const;

  const v1::Graph& graph_;
  mutable bool evaluated_ = false;
  mutable StringMap<v1::Value> values_;
};

}  // namespace graphkiln::compiler
