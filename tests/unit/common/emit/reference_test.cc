#include "common/emit/reference.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/file.h"
#include "common/base/resources.h"

namespace graphkiln::emit {
namespace {

TEST(Reference, CommittedPageIsCurrent) {
  const auto page = ReadFile(ResourceDir() + "/common/nodes/REFERENCE.md", 4 << 20);
  ASSERT_TRUE(page.ok());
  // Not as one comparison: its message would be the whole page.
  EXPECT_TRUE(*page == ReferencePage())
      << "stale: kiln explain --markdown > common/nodes/REFERENCE.md";
}

TEST(Reference, RowsSayWhatATypeIs) {
  const std::string page = ReferencePage();
  EXPECT_NE(
      page.find("| Linear | in_features: int (inferred), out_features: int, bias: bool = true "
                "| weight [4, 3], bias [4] | linear.default | `nn.Linear` |\n"),
      std::string::npos);
  EXPECT_NE(page.find("| aten.mm.default | `(Tensor self, Tensor mat2) -> Tensor` | MATMUL_C1, "
                      "MATMUL_C2, MATMUL_C3 |\n"),
            std::string::npos);
}

}  // namespace
}  // namespace graphkiln::emit
