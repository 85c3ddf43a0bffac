// One maker per command; each is defined in its own file.
#pragma once

#include <memory>
#include <vector>

#include "clients/cli/command.h"

namespace graphkiln::cli {

using CommandList = std::vector<std::unique_ptr<Command>>;

void AddValidate(CommandList* commands);
void AddFix(CommandList* commands);
void AddSummary(CommandList* commands);
void AddCodegen(CommandList* commands);
void AddConvert(CommandList* commands);
void AddPlan(CommandList* commands);
void AddDiff(CommandList* commands);
void AddMerge(CommandList* commands);
void AddRegroup(CommandList* commands);
void AddExplain(CommandList* commands);
void AddInit(CommandList* commands);
void AddRun(CommandList* commands);
void AddServe(CommandList* commands);
void AddSubmit(CommandList* commands);
void AddGet(CommandList* commands);
void AddDescribe(CommandList* commands);
void AddWatch(CommandList* commands);
void AddLogs(CommandList* commands);
void AddMetrics(CommandList* commands);
void AddVerbs(CommandList* commands);
void AddWorkerVerbs(CommandList* commands);
void AddCp(CommandList* commands);
void AddDoctor(CommandList* commands);
void AddVersion(CommandList* commands);
void AddCompletion(CommandList* commands);

}  // namespace graphkiln::cli
