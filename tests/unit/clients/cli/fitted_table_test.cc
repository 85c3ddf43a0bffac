#include "clients/cli/fitted_table.h"

#include <gtest/gtest.h>

namespace graphkiln::cli {
namespace {

TEST(DisplayWidth, CountsWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("├─ é"), 4u);
  EXPECT_EQ(DisplayWidth("層"), 2u);
}

TEST(CutTo, EndsInAnEllipsis) {
  EXPECT_EQ(CutTo("abcdef", 6), "abcdef");
  EXPECT_EQ(CutTo("abcdef", 5), "abcd…");
  EXPECT_EQ(CutTo("├─ abcdef", 5), "├─ a…");
  EXPECT_EQ(CutTo("層層層", 4), "層…");
  EXPECT_EQ(CutTo("abc", 0), "");
}

FittedTable Example() {
  FittedTable table(
      {{"Name"}, {"Input", false, 2}, {"Output"}, {"Params", true}, {"Share", true, 3}});
  table.Row(
      {"a layer with a long name of many words", "[B, 3, 224]", "[B, 64, 112]", "9,408", "12.5%"});
  return table;
}

TEST(FittedTable, IsAsWideAsItIs) {
  EXPECT_EQ(Example().Text(std::nullopt),
            "Name                                    Input        Output        Params  Share\n"
            "a layer with a long name of many words  [B, 3, 224]  [B, 64, 112]   9,408  12.5%\n");
}

TEST(FittedTable, CutsTheFirstColumnThenLeavesOutOthers) {
  EXPECT_EQ(Example().Text(70),
            "Name                          Input        Output        Params  Share\n"
            "a layer with a long name of…  [B, 3, 224]  [B, 64, 112]   9,408  12.5%\n");
  EXPECT_EQ(Example().Text(60),
            "Name                       Input        Output        Params\n"
            "a layer with a long name…  [B, 3, 224]  [B, 64, 112]   9,408\n");
  EXPECT_EQ(Example().Text(50),
            "Name                          Output        Params\n"
            "a layer with a long name of…  [B, 64, 112]   9,408\n");
}

TEST(FittedTable, NoLineIsWiderThanAsked) {
  for (size_t width = 20; width < 100; ++width) {
    const std::string text = Example().Text(width);
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      EXPECT_LE(DisplayWidth(std::string_view(text).substr(at, end - at)), width);
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace graphkiln::cli
