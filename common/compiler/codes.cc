#include "common/compiler/codes.h"

#include <algorithm>
#include <vector>

#include "common/compiler/pages/families.h"

namespace graphkiln::compiler {

absl::Span<const CodePage> CodePages() {
  static const std::vector<CodePage>* const kPages = [] {
    auto* pages = new std::vector<CodePage>();
    AddFilesPages(*pages);
    AddStructurePages(*pages);
    AddParamsPages(*pages);
    AddTypesPages(*pages);
    AddLintsPages(*pages);
    std::sort(pages->begin(), pages->end(),
              [](const CodePage& a, const CodePage& b) { return a.code < b.code; });
    return pages;
  }();
  return *kPages;
}

const CodePage* FindCode(std::string_view code) {
  for (const CodePage& page : CodePages()) {
    if (page.code == code) return &page;
  }
  return nullptr;
}

}  // namespace graphkiln::compiler
