#include "common/compiler/palette.h"

#include <gtest/gtest.h>

#include <set>

#include "common/compiler/composite.h"
#include "common/compiler/container.h"
#include "common/nodes/registry.h"

namespace graphkiln::compiler {
namespace {

TEST(Palette, HoldsEveryTypeOnceInOrder) {
  std::set<std::string> names;
  std::string last;
  for (const PaletteEntry& entry : Palette()) {
    EXPECT_LT(last, entry.name);
    last = entry.name;
    names.insert(entry.name);
    EXPECT_EQ(entry.Describe().name(), entry.name);
    EXPECT_EQ(entry.Describe().category(), entry.category);
    EXPECT_EQ(DescribeType(entry.name)->doc(), entry.Describe().doc());
  }
  EXPECT_EQ(names.size(),
            nodes::AllNodes().size() + BuiltInComposites().size() + ContainerNames().size());
  for (const char* name : {"Linear", "ResidualBlock", "Transformer", "Sequential", "ModuleDict"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Palette, DescribesCompositesWithTheirParameters) {
  const auto type = DescribeType("ResidualBlock");
  ASSERT_TRUE(type.has_value());
  EXPECT_TRUE(type->composite());
  ASSERT_EQ(type->params_size(), 3);
  EXPECT_EQ(type->params(1).name(), "kernel_size");
  EXPECT_EQ(type->params(1).default_value().int_value(), 3);
  EXPECT_EQ(DescribeType("Sequential")->outputs(0).name(), "output");
  EXPECT_EQ(DescribeType("LazyLinear")->name(), "Linear");
  EXPECT_EQ(DescribeType("aten.relu.default")->name(), "aten.relu.default");
  EXPECT_FALSE(DescribeType("NoSuchType").has_value());
  EXPECT_EQ(PaletteVersion().size(), 16u);
}

}  // namespace
}  // namespace graphkiln::compiler
