#include "services/coordinator/rpc/lru_cache.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

std::shared_ptr<const int> Box(int value) { return std::make_shared<const int>(value); }

TEST(LruCacheTest, DropsTheLeastRecentlyUsed) {
  LruCache<int> cache(2, 100);
  cache.Put("a", Box(1), 1);
  cache.Put("b", Box(2), 1);
  EXPECT_EQ(*cache.Get("a"), 1);
  cache.Put("c", Box(3), 1);
  EXPECT_EQ(cache.Get("b"), nullptr);
  EXPECT_EQ(*cache.Get("a"), 1);
  EXPECT_EQ(*cache.Get("c"), 3);
}

TEST(LruCacheTest, IsBoundedByBytes) {
  LruCache<int> cache(10, 100);
  cache.Put("a", Box(1), 60);
  cache.Put("b", Box(2), 60);
  EXPECT_EQ(cache.Get("a"), nullptr);
  cache.Put("b", Box(3), 10);  // replaced: its bytes are counted once
  cache.Put("c", Box(4), 90);
  EXPECT_EQ(*cache.Get("b"), 3);
  cache.Put("d", Box(5), 101);
  EXPECT_EQ(cache.Get("d"), nullptr);
  EXPECT_EQ(cache.size(), 2u);
}

}  // namespace
}  // namespace graphkiln::coordinator
