#include "services/worker/launch/frame.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "graphkiln/trainer/v1/trainer.pb.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

using trainer::v1::Finished;
using trainer::v1::ForkRequest;

class FrameTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<FdPair> pair = MakeSocketPair();
    ASSERT_TRUE(pair.ok());
    a_ = std::move(pair->first);
    b_ = std::move(pair->second);
  }

  void Raw(std::string_view bytes) {
    ASSERT_EQ(::send(a_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

  Fd a_;
  Fd b_;
};

TEST_F(FrameTest, HeaderIsLittleEndianSize) {
  ASSERT_TRUE(WriteFrame(a_.get(), std::string(258, 'x')).ok());
  char header[4];
  ASSERT_EQ(::read(b_.get(), header, 4), 4);
  EXPECT_EQ(std::string(header, 4), std::string("\x02\x01\x00\x00", 4));
}

TEST_F(FrameTest, MessagesKeepTheirOrderAndBounds) {
  for (const uint64_t slot : {0ull, 7ull, ~0ull}) {  // slot 0 is an empty message
    ForkRequest request;
    request.set_slot(slot);
    ASSERT_TRUE(WriteMessage(a_.get(), request).ok());
  }
  for (const uint64_t slot : {0ull, 7ull, ~0ull}) {
    ForkRequest request;
    ASSERT_TRUE(ReadMessage(b_.get(), &request).ok());
    EXPECT_EQ(request.slot(), slot);
  }
  a_.Reset();
  ForkRequest request;
  EXPECT_TRUE(IsEndOfStream(ReadMessage(b_.get(), &request)));
}

TEST_F(FrameTest, EndInsideHeaderOrBodyIsDataLossNotEnd) {
  Raw(std::string("\x05\x00", 2));
  a_.Reset();
  const absl::StatusOr<std::string> frame = ReadFrame(b_.get());
  EXPECT_EQ(frame.status().code(), absl::StatusCode::kDataLoss);

  SetUp();
  Raw(
      std::string("\x05\x00\x00\x00"
                  "abc",
                  7));
  a_.Reset();
  EXPECT_EQ(ReadFrame(b_.get()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(FrameTest, OversizeIsRefusedOnBothSides) {
  Raw(std::string("\x01\x00\x00\x10", 4));  // 256 MiB + 1
  EXPECT_EQ(ReadFrame(b_.get()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteFrame(a_.get(), std::string(kMaxFrameBytes + 1u, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(FrameTest, BytesThatAreNoMessageAreDataLoss) {
  ASSERT_TRUE(WriteFrame(a_.get(), "\xff\xff\xff\xff").ok());
  Finished finished;
  EXPECT_EQ(ReadMessage(b_.get(), &finished).code(), absl::StatusCode::kDataLoss);
}

TEST_F(FrameTest, DescriptorsTravelAndAreCopies) {
  absl::StatusOr<FdPair> pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  ForkRequest request;
  request.set_slot(3);
  ASSERT_TRUE(WriteMessage(a_.get(), request, {pipe->second.get()}).ok());
  pipe->second.Reset();
  std::vector<Fd> fds;
  ForkRequest got;
  ASSERT_TRUE(ReadMessage(b_.get(), &got, &fds).ok());
  ASSERT_EQ(fds.size(), 1u);
  EXPECT_EQ(got.slot(), 3u);
  ASSERT_EQ(::write(fds[0].get(), "hi", 2), 2);
  char text[2];
  ASSERT_EQ(::read(pipe->first.get(), text, 2), 2);
  EXPECT_EQ(std::string(text, 2), "hi");
}

TEST_F(FrameTest, WriterToDeadPeerIsUnavailable) {
  b_.Reset();
  EXPECT_EQ(WriteFrame(a_.get(), "x").code(), absl::StatusCode::kUnavailable);
}

TEST_F(FrameTest, ReaderPutsPiecesTogether) {
  FrameReader reader;
  std::vector<std::string> frames;
  const std::string bytes(
      "\x03\x00\x00\x00"
      "abc"
      "\x00\x00\x00\x00"
      "\x01\x00\x00\x00z",
      16);
  for (size_t i = 0; i < bytes.size(); ++i) {
    Raw(bytes.substr(i, 1));
    ASSERT_TRUE(reader.ReadAvailable(b_.get(), &frames).ok());
  }
  EXPECT_THAT(frames, testing::ElementsAre("abc", "", "z"));
  a_.Reset();
  EXPECT_TRUE(IsEndOfStream(reader.ReadAvailable(b_.get(), &frames)));
}

TEST_F(FrameTest, ReaderHandsOutCompleteFramesBeforeABrokenEnd) {
  FrameReader reader;
  std::vector<std::string> frames;
  Raw(
      std::string("\x01\x00\x00\x00z"
                  "\x09\x00\x00\x00q",
                  10));
  a_.Reset();
  EXPECT_EQ(reader.ReadAvailable(b_.get(), &frames).code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(frames, testing::ElementsAre("z"));
}

TEST_F(FrameTest, WriterNeverWaitsAndLosesNothing) {
  // More than a socket buffer holds.
  Finished big;
  big.set_reason(std::string(3 << 20, 'r'));
  FrameWriter writer;
  ASSERT_TRUE(writer.Queue(big).ok());
  ForkRequest small;
  small.set_slot(5);
  ASSERT_TRUE(writer.Queue(small).ok());
  ASSERT_TRUE(writer.Flush(a_.get()).ok());
  EXPECT_TRUE(writer.pending());

  FrameReader reader;
  std::vector<std::string> frames;
  while (frames.size() < 2) {
    ASSERT_TRUE(reader.ReadAvailable(b_.get(), &frames).ok());
    ASSERT_TRUE(writer.Flush(a_.get()).ok());
  }
  EXPECT_FALSE(writer.pending());
  Finished got;
  ASSERT_TRUE(got.ParseFromString(frames[0]));
  EXPECT_EQ(got.reason().size(), 3u << 20);
  ForkRequest got_small;
  ASSERT_TRUE(got_small.ParseFromString(frames[1]));
  EXPECT_EQ(got_small.slot(), 5u);
}

TEST_F(FrameTest, WriterSendsDescriptorsAfterTheCallerClosedThem) {
  absl::StatusOr<FdPair> pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  FrameWriter writer;
  ASSERT_TRUE(writer.Queue(ForkRequest(), {pipe->second.get()}).ok());
  pipe->second.Reset();
  ASSERT_TRUE(writer.Flush(a_.get()).ok());
  std::vector<Fd> fds;
  ForkRequest request;
  ASSERT_TRUE(ReadMessage(b_.get(), &request, &fds).ok());
  ASSERT_EQ(fds.size(), 1u);
  EXPECT_EQ(::write(fds[0].get(), "x", 1), 1);
}

TEST_F(FrameTest, BlockingReadOfALargeFrameWhileThePeerWrites) {
  const std::string large(5 << 20, 'L');
  std::thread writer([&] { EXPECT_TRUE(WriteFrame(a_.get(), large).ok()); });
  const absl::StatusOr<std::string> frame = ReadFrame(b_.get());
  writer.join();
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(*frame, large);
}

}  // namespace
}  // namespace graphkiln::worker
