#include "services/coordinator/store/artifact_store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/base/status_matchers.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

class ArtifactStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(root, MakeTempDir("kiln-artifacts-"));
    ASSERT_OK_AND_ASSIGN(store, ArtifactStore::Open(root, 1000));
  }
  void TearDown() override { EXPECT_OK(RemoveTree(root)); }
  absl::Status Put(const std::string& bytes) {
    ASSIGN_OR_RETURN(auto writer,
                     store->Create(Sha256Hex(bytes), static_cast<int64_t>(bytes.size())));
    for (const char c : bytes) RETURN_IF_ERROR(writer->Append(std::string_view(&c, 1)));
    return writer->Finish();
  }

  std::string root;
  std::unique_ptr<ArtifactStore> store;
};

TEST_F(ArtifactStoreTest, StoresByDigestAndReadsFromAnOffset) {
  const std::string digest = Sha256Hex("hello world");
  EXPECT_FALSE(store->Exists(digest));
  ASSERT_OK(Put("hello world"));
  ASSERT_OK(Put("hello world"));  // again: no effect
  EXPECT_TRUE(store->Exists(digest));
  ASSERT_OK_AND_ASSIGN(const ArtifactInfo info, store->Stat(digest));
  EXPECT_EQ(info.bytes, 11);
  ASSERT_OK_AND_ASSIGN(auto reader, store->OpenFile(digest, 6));
  EXPECT_EQ(*reader->Read(3), "wor");
  EXPECT_EQ(*reader->Read(100), "ld");
  EXPECT_EQ(*reader->Read(100), "");
  EXPECT_THAT(store->OpenFile(digest, 12), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const std::string path, store->Path(digest));
  EXPECT_EQ(path, root + "/" + digest.substr(0, 2) + "/" + digest.substr(2));
  const auto unused = [] { return absl::StatusOr<bool>(false); };
  EXPECT_TRUE(*store->RemoveUnused(digest, unused));
  EXPECT_FALSE(store->Exists(digest));
  EXPECT_TRUE(*store->RemoveUnused(digest, unused));
  ASSERT_OK(Put(""));
  EXPECT_TRUE(store->Exists(Sha256Hex("")));
}

TEST_F(ArtifactStoreTest, WrongBytesAreRefusedAndLeaveNothing) {
  const std::string digest = Sha256Hex("right");
  {
    ASSERT_OK_AND_ASSIGN(auto writer, store->Create(digest, 5));
    ASSERT_OK(writer->Append("wrong"));
    EXPECT_EQ(ReasonOf(writer->Finish()), v1::ERROR_REASON_CHECKSUM_MISMATCH);
  }
  {
    ASSERT_OK_AND_ASSIGN(auto writer, store->Create(digest, 5));
    ASSERT_OK(writer->Append("righ"));
    EXPECT_EQ(ReasonOf(writer->Finish()), v1::ERROR_REASON_CHECKSUM_MISMATCH);
  }
  {
    ASSERT_OK_AND_ASSIGN(auto writer, store->Create(digest, 5));
    ASSERT_OK(writer->Append("right"));
    EXPECT_EQ(ReasonOf(writer->Append("!")), v1::ERROR_REASON_TOO_LARGE);
  }
  EXPECT_FALSE(store->Exists(digest));
  EXPECT_TRUE(ListDir(root + "/" + digest.substr(0, 2))->empty());
  EXPECT_EQ(ReasonOf(store->Create(digest, 1001).status()), v1::ERROR_REASON_TOO_LARGE);
}

TEST_F(ArtifactStoreTest, NamesNeverBecomePaths) {
  for (const std::string& bad :
       {std::string("../../../../etc/passwd"), std::string(""), std::string(63, 'a'),
        std::string(65, 'a'), std::string(64, 'A'), std::string(64, '/'), std::string(64, '.'),
        std::string(63, 'a') + '\0'}) {
    EXPECT_FALSE(store->Exists(bad));
    EXPECT_THAT(store->Stat(bad), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->Create(bad, 1), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->OpenFile(bad, 0), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->Path(bad), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->RemoveUnused(bad, [] { return absl::StatusOr<bool>(false); }),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(store->OpenFile(std::string(64, 'a'), 0), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ArtifactStoreTest, ListsByDigestInPages) {
  std::vector<std::string> digests;
  for (const char* text : {"a", "b", "c", "d", "e"}) {
    ASSERT_OK(Put(text));
    digests.push_back(Sha256Hex(text));
  }
  std::sort(digests.begin(), digests.end());
  std::vector<std::string> listed;
  std::string after;
  do {
    ASSERT_OK_AND_ASSIGN(const ArtifactPage page, store->List(after, 2));
    for (const ArtifactInfo& info : page.items) listed.push_back(info.sha256);
    after = page.next_after;
  } while (!after.empty());
  EXPECT_EQ(listed, digests);
}

TEST_F(ArtifactStoreTest, OpeningRemovesWhatAnInterruptedUploadLeft) {
  ASSERT_OK(Put("kept"));
  const std::string digest = Sha256Hex("kept");
  const std::string rest = root + "/" + digest.substr(0, 2) + "/" + digest.substr(2) + ".tmp123";
  ASSERT_OK(WriteFileAtomic(rest, "half"));
  ASSERT_OK_AND_ASSIGN(store, ArtifactStore::Open(root, 1000));
  EXPECT_FALSE(FileExists(rest));
  EXPECT_TRUE(store->Exists(digest));
}

TEST_F(ArtifactStoreTest, APinnedOrUsedFileStays) {
  const std::string sha256 = Sha256Hex("bytes");
  ASSERT_OK(Put("bytes"));
  const auto unused = [] { return absl::StatusOr<bool>(false); };
  {
    const auto pin = store->Pin(sha256);
    const auto again = store->Pin(sha256);
    EXPECT_FALSE(*store->RemoveUnused(sha256, unused));
  }
  EXPECT_FALSE(*store->RemoveUnused(sha256, [] { return absl::StatusOr<bool>(true); }));
  EXPECT_FALSE(
      store->RemoveUnused(sha256, [] { return absl::StatusOr<bool>(absl::InternalError("x")); })
          .ok());
  EXPECT_TRUE(store->Exists(sha256));
  EXPECT_TRUE(*store->RemoveUnused(sha256, unused));
  EXPECT_FALSE(store->Exists(sha256));
  EXPECT_FALSE(store->RemoveUnused("../x", unused).ok());
}

TEST_F(ArtifactStoreTest, TouchTellsWhenSomebodyReliedOnIt) {
  const std::string sha256 = Sha256Hex("bytes");
  ASSERT_OK(Put("bytes"));
  const absl::Time time = absl::FromUnixSeconds(1'700'000'000);
  ASSERT_OK(store->Touch(sha256, time));
  ASSERT_OK_AND_ASSIGN(const ArtifactInfo info, store->Stat(sha256));
  EXPECT_EQ(info.modified, time);
  EXPECT_THAT(store->Touch(std::string(64, 'e'), time), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ArtifactStoreTest, DamagedFileCountsAsMissingForAnUpload) {
  const std::string sha256 = Sha256Hex("bytes");
  ASSERT_OK(Put("bytes"));
  EXPECT_OK(store->StatSound(sha256, 5).status());
  ASSERT_OK(store->Touch(sha256, absl::FromUnixSeconds(1'700'000'000)));
  EXPECT_OK(store->StatSound(sha256, 5).status());
  EXPECT_THAT(store->StatSound(sha256, 6), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const std::string path, store->Path(sha256));
  std::ofstream(path) << "BYTES";  // in place, of equal length
  EXPECT_THAT(store->StatSound(sha256, 5), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(Put("bytes"));
  EXPECT_OK(store->StatSound(sha256, 5).status());
}

TEST_F(ArtifactStoreTest, DamageThatAReaderFoundIsSetAside) {
  const std::string sha256 = Sha256Hex("bytes");
  ASSERT_OK(Put("bytes"));
  ASSERT_OK_AND_ASSIGN(auto reader, store->OpenFile(sha256, 0));
  EXPECT_EQ(ReasonOf(store->SetAside(sha256, *reader)), v1::ERROR_REASON_CHECKSUM_MISMATCH);
  EXPECT_FALSE(store->Exists(sha256));
  EXPECT_TRUE(store->List("", 10)->items.empty());
  ASSERT_OK(Put("bytes"));
  // What an upload has replaced meanwhile stays.
  EXPECT_FALSE(store->SetAside(sha256, *reader).ok());
  EXPECT_TRUE(store->Exists(sha256));
  reader.reset();
  ASSERT_OK_AND_ASSIGN(store, ArtifactStore::Open(root, 1000));
  EXPECT_EQ(ListDir(JoinPath(root, sha256.substr(0, 2)))->size(), 1u);
}

}  // namespace
}  // namespace graphkiln::coordinator
