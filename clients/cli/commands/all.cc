#include "clients/cli/commands/all.h"

namespace graphkiln::cli {

std::vector<std::unique_ptr<Command>> AllCommands() {
  CommandList commands;
  AddValidate(&commands);
  AddFix(&commands);
  AddSummary(&commands);
  AddCodegen(&commands);
  AddConvert(&commands);
  AddPlan(&commands);
  AddDiff(&commands);
  AddMerge(&commands);
  AddRegroup(&commands);
  AddExplain(&commands);
  AddInit(&commands);
  AddRun(&commands);
  AddServe(&commands);
  AddSubmit(&commands);
  AddGet(&commands);
  AddDescribe(&commands);
  AddWatch(&commands);
  AddLogs(&commands);
  AddMetrics(&commands);
  AddVerbs(&commands);
  AddWorkerVerbs(&commands);
  AddCp(&commands);
  AddDoctor(&commands);
  AddVersion(&commands);
  AddCompletion(&commands);
  return commands;
}

}  // namespace graphkiln::cli
