#include "services/coordinator/rpc/paging.h"

#include <gtest/gtest.h>

#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

TEST(PagingTest, SizesHaveADefaultAndABound) {
  EXPECT_EQ(*PageSize(0), 50);
  EXPECT_EQ(*PageSize(0, 100), 100);
  EXPECT_EQ(*PageSize(7), 7);
  EXPECT_EQ(*PageSize(100000), 1000);
  EXPECT_EQ(ReasonOf(PageSize(-1).status()), v1::ERROR_REASON_FIELD_INVALID);
}

TEST(PagingTest, ATokenIsBoundToItsListAndServer) {
  const TokenSealer sealer("key");
  const PageTokens tokens(sealer, "ListGraphs/default");
  const std::string token = tokens.Next("projects/default/graphs/m");
  EXPECT_EQ(*tokens.After(token), "projects/default/graphs/m");
  EXPECT_EQ(*tokens.After(""), "");
  EXPECT_EQ(tokens.Next(""), "");
  EXPECT_EQ(ReasonOf(PageTokens(sealer, "ListGraphs/other").After(token).status()),
            v1::ERROR_REASON_TOKEN_INVALID);
  EXPECT_FALSE(PageTokens(TokenSealer("other"), "ListGraphs/default").After(token).ok());
  EXPECT_FALSE(tokens.After("garbage").ok());
}

}  // namespace
}  // namespace graphkiln::coordinator
