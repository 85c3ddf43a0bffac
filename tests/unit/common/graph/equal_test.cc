#include "common/graph/equal.h"

#include <gtest/gtest.h>

#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {
namespace {

// The bytes of equal maps differ now and then; here with 20 entries practically always.
TEST(Equal, MapsInAnyOrder) {
  v1::Node a, b;
  for (int i = 0; i < 20; ++i) {
    (*a.mutable_params())[std::to_string(i)].set_int_value(i);
    (*b.mutable_params())[std::to_string(19 - i)].set_int_value(19 - i);
  }
  EXPECT_TRUE(Equal(a, b));
  (*b.mutable_params())["7"].set_int_value(8);
  EXPECT_FALSE(Equal(a, b));
}

}  // namespace
}  // namespace graphkiln::graph
