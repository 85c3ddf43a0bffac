// The config of a VisDL pair as a job file of ours, the graph inside it: the fixed pipeline of CSV,
// split, loss, optimizer and loop that VisDL runs. Called by way of formats.h. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::visdl {

/// REQUIRES: a graph that ReadGraph made. Values are taken as they are: whoever reads the job
/// checks them. What a job cannot say is in `diagnostics`; nothing is returned where that is an
/// error.
std::optional<std::string> WriteJob(const v1::Graph& graph, const compiler::CompileResult* compiled,
                                    std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::visdl
