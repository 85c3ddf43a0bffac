#include "services/coordinator/rpc/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

using testing::HasSubstr;

TEST(LabelsTest, BoundsAreThoseOfJobs) {
  google::protobuf::Map<std::string, std::string> labels;
  for (int i = 0; i < 64; ++i) labels["k" + std::to_string(i)] = std::string(256, 'v');
  labels.erase("k0");
  labels[std::string(256, 'k')] = "";
  EXPECT_TRUE(CheckLabels("dataset.labels", labels).ok());
  labels["one more"] = "";
  EXPECT_THAT(MessageOf(CheckLabels("dataset.labels", labels)),
              HasSubstr("has 65 entries, at most 64 are allowed"));
}

TEST(LabelsTest, ErrorsNameTheLabel) {
  google::protobuf::Map<std::string, std::string> labels;
  labels["note"] = std::string(257, 'v');
  EXPECT_THAT(MessageOf(CheckLabels("graph.labels", labels)),
              HasSubstr("has 257 bytes, at most 256 are allowed"));
  EXPECT_THAT(MessageOf(CheckLabels("graph.labels", labels)), HasSubstr("note"));
  labels.clear();
  labels[""] = "v";
  EXPECT_FALSE(CheckLabels("graph.labels", labels).ok());
  labels.clear();
  labels[std::string(257, 'k')] = "v";
  EXPECT_FALSE(CheckLabels("graph.labels", labels).ok());
}

}  // namespace
}  // namespace graphkiln::coordinator
