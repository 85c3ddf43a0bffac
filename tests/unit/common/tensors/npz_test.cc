#include "common/tensors/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include "common/base/file.h"
#include "common/base/status_matchers.h"

namespace graphkiln::tensors {
namespace {

using ::testing::HasSubstr;

const std::string kBytes = std::string("\x93NUMPY\x01\x00\x39\x00", 10) +
                           "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }" + "abc";

class NpzTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, MakeTempDir("kiln-npz-"));
    path_ = JoinPath(dir_, "x.npz");
  }
  void TearDown() override { EXPECT_OK(RemoveTree(dir_)); }

  void Write(const std::vector<std::pair<std::string, std::string>>& entries) {
    int error = 0;
    zip_t* archive = zip_open(path_.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
    ASSERT_NE(archive, nullptr);
    for (const auto& [name, bytes] : entries) {
      zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
      ASSERT_GE(zip_file_add(archive, name.c_str(), source, 0), 0);
    }
    ASSERT_EQ(zip_close(archive), 0);
  }

  std::string dir_;
  std::string path_;
};

TEST_F(NpzTest, ReadsAllArrays) {
  Write({{"x.npy", kBytes}, {"y.npy", kBytes}});
  ASSERT_OK_AND_ASSIGN(const std::vector<NpzEntry> entries, ReadNpz(path_));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "x");
  EXPECT_EQ(entries[1].name, "y");
  EXPECT_EQ(entries[1].array.tensor().bytes, "abc");
}

TEST_F(NpzTest, LimitsHoldBeforeUnpacking) {
  Write({{"x.npy", kBytes}, {"bomb.npy", std::string(50 << 20, '\0')}});
  EXPECT_THAT(ReadNpz(path_, {.max_entries = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("limit of 1")));
  EXPECT_THAT(ReadNpz(path_, {.max_entries = 10, .max_total_bytes = 1 << 20}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("larger than 1 MiB")));
}

TEST_F(NpzTest, WrongEntriesAreNamed) {
  Write({{"x.npy", "nonsense nonsense"}});
  EXPECT_THAT(ReadNpz(path_), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("\"x.npy\": not a .npy file")));
  Write({{"readme.txt", "hello"}});
  EXPECT_THAT(ReadNpz(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no .npy entry")));
}

TEST_F(NpzTest, DamageIsFound) {
  Write({{"x.npy", kBytes}});
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(path_, 10'000));
  bytes[50] = static_cast<char>(bytes[50] ^ 0xff);
  ASSERT_OK(WriteFileAtomic(path_, bytes));
  EXPECT_THAT(ReadNpz(path_), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(WriteFileAtomic(path_, bytes.substr(0, bytes.size() / 2)));
  EXPECT_THAT(ReadNpz(path_), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadNpz(path_ + ".missing"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace graphkiln::tensors
