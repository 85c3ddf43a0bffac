#include "services/coordinator/store/packing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/random.h"
#include "common/base/status_matchers.h"

namespace graphkiln::coordinator {
namespace {

TEST(PackingTest, PointsComeBackBitForBit) {
  const std::vector<int64_t> steps = {1,
                                      2,
                                      3,
                                      1000,
                                      5,
                                      -7,
                                      std::numeric_limits<int64_t>::max(),
                                      std::numeric_limits<int64_t>::min()};
  const std::vector<double> values = {0.1, -0.0, 1e-310, INFINITY, -INFINITY, NAN, 3, 4};
  const std::string chunk = PackPoints(steps, values);
  std::vector<int64_t> read_steps = {42};  // appended to
  std::vector<double> read_values = {42};
  ASSERT_OK(UnpackPoints(chunk, read_steps, read_values));
  ASSERT_EQ(read_steps.size(), 9u);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(read_steps[i + 1], steps[i]);
    EXPECT_EQ(std::bit_cast<uint64_t>(read_values[i + 1]), std::bit_cast<uint64_t>(values[i]));
  }
}

TEST(PackingTest, ConsecutiveStepsTakeOneByteEach) {
  std::vector<int64_t> steps;
  for (int64_t i = 1; i <= 1000; ++i) steps.push_back(i);
  EXPECT_EQ(PackPoints(steps, std::vector<double>(1000, 1.0)).size(), 1 + 2 + 1000 + 8000u);
}

TEST(PackingTest, DamagedChunksAreRefusedWithoutHarm) {
  const std::string chunk = PackPoints({1, 2, 3}, {1, 2, 3});
  for (size_t size = 0; size < chunk.size(); ++size) {
    std::vector<int64_t> steps;
    std::vector<double> values;
    EXPECT_FALSE(UnpackPoints(chunk.substr(0, size), steps, values).ok()) << size;
  }
  Philox random(3, "packing fuzz");
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = chunk;
    for (int i = 0; i < 3; ++i)
      bytes[random.NextBelow(bytes.size())] = static_cast<char>(random.NextU32());
    std::vector<int64_t> steps;
    std::vector<double> values;
    (void)UnpackPoints(bytes, steps, values);
    EXPECT_LE(steps.size(), bytes.size());
    std::vector<std::shared_ptr<const v1::Event>> events;
    (void)UnpackEvents(bytes, 0, 0, events);
  }
}

TEST(PackingTest, EventsComeBackFiltered) {
  std::vector<std::shared_ptr<const v1::Event>> events;
  for (int64_t seq = 1; seq <= 4; ++seq) {
    auto event = std::make_shared<v1::Event>();
    event->set_seq(seq);
    if (seq % 2 == 0) {
      event->mutable_log()->set_message("line");
    } else {
      event->mutable_step()->set_step(seq);
    }
    events.push_back(std::move(event));
  }
  const std::string batch = PackEvents(events);
  ASSERT_OK_AND_ASSIGN(const EventTypeSet logs, ParseEventTypes({"log"}));
  EXPECT_NE(TypesOf(events) & logs, 0u);
  std::vector<std::shared_ptr<const v1::Event>> read;
  ASSERT_OK(UnpackEvents(batch, 0, 0, read));
  EXPECT_EQ(read.size(), 4u);
  read.clear();
  ASSERT_OK(UnpackEvents(batch, 2, logs, read));
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0]->seq(), 4);
  EXPECT_EQ(read[0]->log().message(), "line");
}

}  // namespace
}  // namespace graphkiln::coordinator
