#include "services/coordinator/rpc/create_once.h"

#include <gtest/gtest.h>

#include <optional>

#include "common/base/fake_clock.h"
#include "services/coordinator/core/errors.h"
#include "tests/unit/services/coordinator/store/store_fixture.h"

namespace graphkiln::coordinator {
namespace {

class CreateOnceTest : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    clock.Advance(absl::Hours(24 * 365));
    services.store = store.get();
    services.executor = &executor;
    services.clock = &clock;
  }
  void TearDown() override {
    executor.Stop();
    StoreFixture::TearDown();
  }
  static CreateOnce Key(std::string digest) { return {"CreateGraph/p", "r", std::move(digest)}; }
  static PutGraph Graph(const std::string& name) {
    PutGraph put;
    put.graph.set_name(name);
    return put;
  }
  using Answer = absl::StatusOr<std::string>;

  FakeClock clock;
  Executor executor{2, 100};
  Services services;
};

TEST_F(CreateOnceTest, OfConcurrentCallsOneCreatesAndEqualOnesGetItsAnswer) {
  // All have looked before any has committed: nothing was found.
  std::optional<Answer> first;
  std::optional<Answer> equal;
  std::optional<Answer> different;
  ASSERT_OK_AND_ASSIGN(const std::string found, FindCreated(services, Key("one")));
  EXPECT_TRUE(found.empty());
  CommitOnce(services, Key("one"), "a", Graph("a"), [&](Answer name) { first = name; });
  CommitOnce(services, Key("one"), "b", Graph("b"), [&](Answer name) { equal = name; });
  CommitOnce(services, Key("two"), "c", Graph("c"), [&](Answer name) { different = name; });
  store->Close();
  executor.Stop();
  ASSERT_TRUE(first.has_value() && equal.has_value() && different.has_value());
  EXPECT_EQ(**first, "a");
  EXPECT_EQ(**equal, "a");
  EXPECT_EQ(ReasonOf(different->status()), v1::ERROR_REASON_ALREADY_EXISTS);
  EXPECT_EQ(MetadataOf(different->status()).at("name"), "a");
  EXPECT_OK(store->ReadGraph("a").status());
  EXPECT_THAT(store->ReadGraph("b"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store->ReadGraph("c"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CreateOnceTest, ATakenNameIsRefusedAndItsRequestIdStaysFree) {
  ASSERT_OK(Commit({Graph("a")}));
  std::optional<Answer> refused;
  CommitOnce(services, Key("one"), "a", Graph("a"), [&](Answer name) { refused = name; });
  store->Close();
  executor.Stop();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(ReasonOf(refused->status()), v1::ERROR_REASON_ALREADY_EXISTS);
  ASSERT_OK_AND_ASSIGN(const std::string found, FindCreated(services, Key("one")));
  EXPECT_TRUE(found.empty());
}

TEST_F(CreateOnceTest, AnAnswerIsInForceForADay) {
  std::optional<Answer> first;
  CommitOnce(services, Key("one"), "a", Graph("a"), [&](Answer name) { first = name; });
  store->Close();
  EXPECT_EQ(*FindCreated(services, Key("one")), "a");
  EXPECT_EQ(ReasonOf(FindCreated(services, Key("two")).status()), v1::ERROR_REASON_ALREADY_EXISTS);
  clock.Advance(absl::Hours(24) + absl::Seconds(1));
  EXPECT_EQ(*FindCreated(services, Key("two")), "");
}

}  // namespace
}  // namespace graphkiln::coordinator
