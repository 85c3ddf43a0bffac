#include "common/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "common/base/status_matchers.h"

namespace graphkiln {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(dir_, MakeTempDir("kiln-file-test-")); }
  void TearDown() override { EXPECT_OK(RemoveTree(dir_)); }
  std::string Path(std::string_view name) const { return JoinPath(dir_, name); }

  std::string dir_;
};

TEST_F(FileTest, WritesAndReadsBack) {
  const std::string contents("a\0b\n", 4);
  ASSERT_OK(WriteFileAtomic(Path("x"), contents));
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(Path("x"), 4));
  EXPECT_EQ(read, contents);
  EXPECT_THAT(FileSize(Path("x")).value(), 4u);
  ASSERT_OK(WriteFileAtomic(Path("x"), ""));
  EXPECT_EQ(ReadFile(Path("x"), 0).value(), "");
  ASSERT_OK_AND_ASSIGN(const auto names, ListDir(dir_));
  EXPECT_THAT(names, ElementsAre("x"));  // no temporary file is left
}

TEST_F(FileTest, LimitHoldsForFilesAndDevices) {
  ASSERT_OK(WriteFileAtomic(Path("x"), "12345"));
  EXPECT_THAT(ReadFile(Path("x"), 4),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("limit of 4 B")));
  EXPECT_THAT(ReadFile("/dev/zero", 1 << 20), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FileTest, ErrorsNameThePath) {
  EXPECT_THAT(ReadFile(Path("missing"), 10),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));
  EXPECT_FALSE(ReadFile(dir_, 10).ok());
  EXPECT_THAT(WriteFileAtomic(Path("no/such/dir/x"), "a"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/such/dir/x")));
  EXPECT_THAT(WriteFileAtomic("/dev/full/x", "a"), ::testing::Not(IsOk()));
}

TEST_F(FileTest, FullDiskIsResourceExhausted) {
  EXPECT_EQ(absl::ErrnoToStatusCode(ENOSPC), absl::StatusCode::kResourceExhausted);
}

TEST_F(FileTest, UncommittedAtomicFileLeavesNothing) {
  ASSERT_OK(WriteFileAtomic(Path("x"), "old"));
  {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(Path("x")));
    ASSERT_OK(file.Append("new"));
    AtomicFile moved = std::move(file);
    ASSERT_OK(moved.Append("er"));
  }
  EXPECT_EQ(ReadFile(Path("x"), 100).value(), "old");
  EXPECT_THAT(ListDir(dir_).value(), ElementsAre("x"));
}

TEST_F(FileTest, CommittedPiecesReplaceTheFileWithUsualPermissions) {
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(Path("x")));
  ASSERT_OK(file.Append("new"));
  ASSERT_OK(file.Append("er"));
  EXPECT_FALSE(FileExists(Path("x")));
  ASSERT_OK(file.Commit());
  EXPECT_EQ(ReadFile(Path("x"), 100).value(), "newer");
  struct stat info{};
  ASSERT_EQ(stat(Path("x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0400, 0400u);
}

TEST_F(FileTest, ReplacingKeepsLinksAndModes) {
  const std::string target = dir_ + "/target", link = dir_ + "/link";
  ASSERT_OK(WriteFileAtomic(target, "old"));
  ASSERT_EQ(chmod(target.c_str(), 0600), 0);
  ASSERT_EQ(symlink("target", link.c_str()), 0);
  EXPECT_OK(WriteFileAtomic(link, "new"));
  EXPECT_EQ(*ReadFile(target, 100), "new");
  struct stat info{};
  ASSERT_EQ(lstat(link.c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(stat(target.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // A link to nothing yet, and a circle.
  ASSERT_EQ(symlink("later", (dir_ + "/ahead").c_str()), 0);
  EXPECT_OK(WriteFileAtomic(dir_ + "/ahead", "made"));
  EXPECT_EQ(*ReadFile(dir_ + "/later", 100), "made");
  ASSERT_EQ(symlink("circle", (dir_ + "/circle").c_str()), 0);
  EXPECT_FALSE(WriteFileAtomic(dir_ + "/circle", "x").ok());
}

TEST_F(FileTest, PipesAndDevicesAreWrittenNotReplaced) {
  const std::string pipe = dir_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_OK(WriteFileAtomic(pipe, "through"));
  char text[16] = {};
  EXPECT_EQ(read(reader, text, sizeof(text)), 7);
  EXPECT_STREQ(text, "through");
  close(reader);
  struct stat info{};
  ASSERT_EQ(stat(pipe.c_str(), &info), 0);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
  EXPECT_OK(WriteFileAtomic("/dev/null", "away"));
  ASSERT_EQ(stat("/dev/null", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
}

TEST_F(FileTest, DirectoriesAreMadeAndRemovedWithoutFollowingLinks) {
  ASSERT_OK(MakeDirs(Path("a/b/c")));
  ASSERT_OK(MakeDirs(Path("a/b/c")));
  ASSERT_OK(WriteFileAtomic(Path("keep"), "1"));
  ASSERT_EQ(symlink(dir_.c_str(), Path("a/b/link").c_str()), 0);
  ASSERT_OK(RemoveTree(Path("a")));
  EXPECT_FALSE(FileExists(Path("a")));
  EXPECT_TRUE(FileExists(Path("keep")));
  EXPECT_OK(RemoveTree(Path("a")));
  EXPECT_OK(RemoveFile(Path("a")));
  EXPECT_THAT(MakeDirs(Path("keep/x")), ::testing::Not(IsOk()));
}

TEST_F(FileTest, MapsAFile) {
  ASSERT_OK(WriteFileAtomic(Path("x"), "12345"));
  ASSERT_OK_AND_ASSIGN(MappedFile file, MappedFile::Open(Path("x")));
  MappedFile moved = std::move(file);
  ASSERT_OK(WriteFileAtomic(Path("x"), "1"));  // the old contents stay mapped
  EXPECT_EQ(moved.bytes(), "12345");
  ASSERT_OK(WriteFileAtomic(Path("empty"), ""));
  EXPECT_EQ(MappedFile::Open(Path("empty"))->bytes(), "");
  EXPECT_THAT(MappedFile::Open("/dev/zero"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MappedFile::Open(Path("missing")), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Paths, JoinAndSplit) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", ""), "a");
  EXPECT_EQ(DirName("a/b"), "a");
  EXPECT_EQ(DirName("b"), ".");
  EXPECT_EQ(DirName("/b"), "/");
  EXPECT_EQ(BaseName("a/b.yaml"), "b.yaml");
}

}  // namespace
}  // namespace graphkiln
