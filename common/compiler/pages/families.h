// The files that hold the pages of codes; put together by codes.cc.
#pragma once

#include <vector>

#include "common/compiler/codes.h"

namespace graphkiln::compiler {

void AddFilesPages(std::vector<CodePage>& pages);
void AddStructurePages(std::vector<CodePage>& pages);
void AddParamsPages(std::vector<CodePage>& pages);
void AddTypesPages(std::vector<CodePage>& pages);
void AddLintsPages(std::vector<CodePage>& pages);

}  // namespace graphkiln::compiler
