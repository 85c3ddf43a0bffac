#include "common/base/file_stamp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/status_matchers.h"

namespace graphkiln {
namespace {

TEST(FileStampTest, TellsEveryChangeOfAFile) {
  ASSERT_OK_AND_ASSIGN(const std::string root, MakeTempDir("stamp-"));
  const std::string path = JoinPath(root, "file");
  ASSERT_OK(WriteFileAtomic(path, "hello"));
  ASSERT_OK_AND_ASSIGN(const FileStamp first, StampOf(path));
  EXPECT_EQ(first.bytes, 5u);
  EXPECT_EQ(*StampOf(path), first);
  // sha256 of "hello", from FIPS tools.
  EXPECT_EQ(*FileSha256(path), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  ASSERT_EQ(truncate(path.c_str(), 4), 0);
  EXPECT_NE(*StampOf(path), first);
  ASSERT_OK(WriteFileAtomic(path, "hello"));  // equal bytes, another file
  EXPECT_NE(*StampOf(path), first);
  ASSERT_OK_AND_ASSIGN(const FileStamp second, StampOf(path));
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_NE(*StampOf(path), second);
  ASSERT_OK(RemoveFile(path));
  EXPECT_EQ(StampOf(path).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FileSha256(path).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(StampOf(root).status().code(), absl::StatusCode::kNotFound);
  ASSERT_OK(RemoveTree(root));
}

}  // namespace
}  // namespace graphkiln
