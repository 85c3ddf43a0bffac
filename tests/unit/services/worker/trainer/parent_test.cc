#include "services/worker/trainer/parent.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

// A parent in a process of its own; the test plays the daemon.
class ParentTest : public ::testing::Test {
 protected:
  ParentTest() {
    auto pair = *worker::MakeSocketPair();
    pid_ = ::fork();
    if (pid_ == 0) {
      pair.first.Reset();
      ::_exit(RunParent(std::move(pair.second), SystemClock()));
    }
    socket_ = std::move(pair.first);
    pair.second.Reset();
    EXPECT_TRUE(Read().has_ready());
  }
  ~ParentTest() override {
    socket_.Reset();
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "the end of the daemon ends the parent";
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }

  v1::ParentReply Read() {
    v1::ParentReply reply;
    EXPECT_TRUE(worker::ReadMessage(socket_.get(), &reply).ok());
    return reply;
  }

  // The daemon's end of a new trainer's socket.
  worker::Fd Fork(uint64_t slot) {
    auto pair = *worker::MakeSocketPair();
    v1::ForkRequest request;
    request.set_slot(slot);
    const int fds[] = {pair.second.get()};
    EXPECT_TRUE(worker::WriteMessage(socket_.get(), request, fds).ok());
    return std::move(pair.first);
  }

  pid_t pid_ = -1;
  worker::Fd socket_;
};

TEST_F(ParentTest, ForksTrainersThatServeAndReportsTheirEnd) {
  TempDir dir;
  worker::Fd trainer = Fork(7);
  const v1::ParentReply forked = Read();
  ASSERT_TRUE(forked.has_forked());
  EXPECT_EQ(forked.forked().slot(), 7u);
  EXPECT_GT(forked.forked().pid(), 0);
  ASSERT_TRUE(worker::WriteMessage(trainer.get(), TrainCommand(dir.path(), 2)).ok());
  v1::TrainerReport report;
  do {
    ASSERT_TRUE(worker::ReadMessage(trainer.get(), &report).ok());
  } while (!report.has_finished());
  EXPECT_EQ(report.finished().outcome(), v1::Finished::OUTCOME_SUCCEEDED);
  const v1::ParentReply exited = Read();
  ASSERT_TRUE(exited.has_exited());
  EXPECT_EQ(exited.exited().slot(), 7u);
  EXPECT_EQ(exited.exited().pid(), forked.forked().pid());
  EXPECT_EQ(exited.exited().exit_code(), 0);
  EXPECT_EQ(exited.exited().signal(), 0);
}

TEST_F(ParentTest, AKilledTrainerIsReportedWithItsSignalAndTheParentGoesOn) {
  worker::Fd first = Fork(1);
  const auto pid = static_cast<pid_t>(Read().forked().pid());
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  const v1::ParentReply exited = Read();
  ASSERT_TRUE(exited.has_exited());
  EXPECT_EQ(exited.exited().exit_code(), -1);
  EXPECT_EQ(exited.exited().signal(), SIGKILL);
  worker::Fd second = Fork(2);
  EXPECT_EQ(Read().forked().slot(), 2u);
  second.Reset();  // unused: it ends quietly
  EXPECT_EQ(Read().exited().exit_code(), 0);
}

TEST_F(ParentTest, ARequestWithoutSocketIsAnErrorNotAnEnd) {
  v1::ForkRequest request;
  request.set_slot(3);
  ASSERT_TRUE(worker::WriteMessage(socket_.get(), request).ok());
  const v1::ParentReply reply = Read();
  EXPECT_EQ(reply.forked().pid(), 0);
  EXPECT_NE(reply.forked().error(), "");
}

}  // namespace
}  // namespace graphkiln::trainer
