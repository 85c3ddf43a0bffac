#include "services/coordinator/core/digest.h"

#include <gtest/gtest.h>

#include <string>

#include "graphkiln/v1/job.pb.h"

namespace graphkiln::coordinator {
namespace {

TEST(DigestTest, MapsAreInOrderOfKeyWhateverTheOrderOfInsertion) {
  v1::JobSpec forward;
  v1::JobSpec backward;
  for (int i = 0; i < 100; ++i) {
    (*forward.mutable_labels())[std::to_string(i)] = "x";
    (*backward.mutable_labels())[std::to_string(99 - i)] = "x";
  }
  EXPECT_EQ(SerializeDeterministic(forward), SerializeDeterministic(backward));
}

}  // namespace
}  // namespace graphkiln::coordinator
