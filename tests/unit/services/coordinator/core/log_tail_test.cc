#include "services/coordinator/core/log_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace graphkiln::coordinator {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogTailTest : public testing::Test {
 protected:
  void Add(v1::Event event) {
    log_.Append(std::move(event), 1'000);
    log_.SetDurable(log_.last_seq());
  }
  void Offer() {
    v1::Event event;
    event.mutable_state()->set_state(v1::JOB_STATE_OFFERED);
    Add(std::move(event));
  }
  void Line(const std::string& text) {
    v1::Event event;
    event.mutable_log()->set_message(text);
    Add(std::move(event));
  }
  void Step() {
    v1::Event event;
    event.mutable_step()->set_step(1);
    Add(std::move(event));
  }

  EventLog log_;
};

TEST_F(LogTailTest, WithNothingSentLiveItIsTheWholeTail) {
  Offer();
  Step();
  EXPECT_THAT(UnseenTail(log_, "a\n\n  \nb"), ElementsAre("a", "b"));
  EXPECT_THAT(UnseenTail(log_, ""), IsEmpty());
}

TEST_F(LogTailTest, WhatWasSentLiveIsNotRepeated) {
  Offer();
  Line("a");
  Step();
  Line("b");
  Step();
  EXPECT_THAT(UnseenTail(log_, "a\nb\n"), IsEmpty());
  EXPECT_THAT(UnseenTail(log_, "b\n"), IsEmpty());  // the tail begins later
  EXPECT_THAT(UnseenTail(log_, "a\nb\nc\nd\n"), ElementsAre("c", "d"));
  EXPECT_THAT(UnseenTail(log_, "z\na\nb\nc\n"), ElementsAre("c"));  // the log begins later
  // Only what is in order: the tail's own "b" is another line.
  EXPECT_THAT(UnseenTail(log_, "x\nb\n"), ElementsAre("x", "b"));
}

TEST_F(LogTailTest, AnEarlierLeasesLinesDoNotCount) {
  Offer();
  Line("boom");
  Offer();
  EXPECT_THAT(UnseenTail(log_, "boom\n"), ElementsAre("boom"));
}

TEST_F(LogTailTest, OnlyTheLastFiftyAreTold) {
  std::string tail;
  for (int i = 0; i < 200; ++i) tail += std::to_string(i) + "\n";
  Offer();
  EXPECT_EQ(UnseenTail(log_, tail).size(), 50u);
  EXPECT_EQ(UnseenTail(log_, tail).front(), "150");
  for (int i = 0; i < 195; ++i) Line(std::to_string(i));
  EXPECT_THAT(UnseenTail(log_, tail), ElementsAre("195", "196", "197", "198", "199"));
}

}  // namespace
}  // namespace graphkiln::coordinator
