// What is legal and yet hardly meant: softmax before a loss that applies it, normalisation over one
// sample, weights that cannot learn, work done twice. Called at the end of Compile for graphs
// without errors; linear in the graph. Pure.
#pragma once

#include "common/compiler/compile.h"
#include "common/compiler/report.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// REQUIRES: result.module is there.
void Lint(const v1::Graph& graph, const CompileResult& result, Report& report);

// The activation that `loss` applies itself and that produced the graph's first output, such as
// `Softmax`; empty where there is none. For jobs, whose loss is no node.
std::string RedundantActivation(const ir::Module& module, std::string_view loss);

}  // namespace graphkiln::compiler
