// Appends a typed call to a module: completes defaults, checks arguments against the schema, runs
// the type rule. Used by the compiler when it instantiates node bodies.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/module.h"
#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir {

// Totals of one module, so that no small graph takes all memory: a few nodes that give lists make
// millions of values, and long expressions of open sizes stand in every shape behind them.
// 100,000 nodes of up to seven weights and results each fit into both.
inline constexpr size_t kMostValues = 800'000;
inline constexpr int64_t kMostSizes = 3'000'000;  // as Dim::Weight counts

// What is wrong with an argument by its schema (`must be a tensor`), or nothing.
std::string ArgumentProblem(const SchemaArg& schema, const Argument& arg,
                            const std::vector<Value>& values);

// `args` may leave out trailing arguments that have defaults, which are added to it; success takes
// its contents. On failure `error` holds the located reason: also the code LIMIT,
// before anything is added.
absl::StatusOr<ValueIds> AppendCall(Module& module, const OpDef& op, std::vector<Argument>&& args,
                                    int32_t source, OpError* error);

}  // namespace graphkiln::ir
