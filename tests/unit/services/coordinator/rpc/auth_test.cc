#include "services/coordinator/rpc/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/base/status_matchers.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

TEST(AuthTest, WithoutTokensEveryoneIsLocal) {
  const Authenticator open;
  const auto principal = open.Authenticate({});
  ASSERT_TRUE(principal.ok());
  EXPECT_EQ(principal->name, "local");
  EXPECT_TRUE(principal->Has(Role::kOperator));
  EXPECT_TRUE(principal->Has(Role::kWorker));
}

TEST(AuthTest, TokensNameAPrincipalAndItsRoles) {
  const auto authenticator = Authenticator::FromText(
      "# people\nabcdefgh1 alice user,operator\n\nabcdefgh2 w worker\nabcdefgh3\n");
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  const auto alice = authenticator->Authenticate({"Bearer abcdefgh1", {}});
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->name, "alice");
  EXPECT_TRUE(Authenticator::Authorize(*alice, Role::kOperator, "m").ok());
  EXPECT_TRUE(Authenticator::Authorize(*alice, Role::kUserOrWorker, "m").ok());
  EXPECT_EQ(ReasonOf(Authenticator::Authorize(*alice, Role::kWorker, "m")),
            v1::ERROR_REASON_PERMISSION_DENIED);
  const auto worker = authenticator->Authenticate({"bearer  abcdefgh2 ", {}});
  ASSERT_TRUE(worker.ok());
  EXPECT_FALSE(worker->Has(Role::kUser));
  EXPECT_TRUE(worker->Has(Role::kUserOrWorker));
  EXPECT_EQ(authenticator->Authenticate({"Bearer abcdefgh3", {}})->name, "default");
}

TEST(AuthTest, WrongHeadersAreUnauthenticated) {
  const auto authenticator = Authenticator::FromText("abcdefgh1");
  for (const char* header :
       {"", "Bearer", "Bearer ", "abcdefgh1", "Bearer abcdefgh", "Bearer abcdefgh12"}) {
    EXPECT_EQ(ReasonOf(authenticator->Authenticate({header, {}}).status()),
              v1::ERROR_REASON_UNAUTHENTICATED)
        << header;
  }
}

TEST(AuthTest, AWorkersTokenSpeaksAsItselfOnly) {
  const auto authenticator = Authenticator::FromText(
      "abcdefgh1 w1 worker\nabcdefgh2 pool-* worker\nabcdefgh3\nabcdefgh4 alice user\n");
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  const auto workers = [&](const char* token) {
    return authenticator->Authenticate({std::string("Bearer ") + token, {}})->workers;
  };
  EXPECT_TRUE(workers("abcdefgh1").Covers("workers/w1"));
  EXPECT_FALSE(workers("abcdefgh1").Covers("workers/w2"));
  EXPECT_TRUE(workers("abcdefgh2").Covers("workers/pool-7"));
  EXPECT_FALSE(workers("abcdefgh2").Covers("workers/w1"));
  EXPECT_TRUE(workers("abcdefgh3").Covers("workers/w2"));
}

TEST(AuthTest, ACertificateNamesItsWorker) {
  auto authenticator =
      Authenticator::FromText("abcdefgh1 w1 worker\nabcdefgh2\nabcdefgh3 a user\n");
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  const auto w2 = authenticator->Authenticate({"", {{"w2"}}});
  ASSERT_TRUE(w2.ok()) << w2.status();
  EXPECT_EQ(w2->name, "w2");
  EXPECT_TRUE(w2->Has(Role::kWorker));
  EXPECT_FALSE(w2->Has(Role::kUser));
  EXPECT_TRUE(w2->workers.Covers("w2"));
  EXPECT_FALSE(w2->workers.Covers("w1"));
  // With a token both must agree; the token gives the roles.
  EXPECT_TRUE(authenticator->Authenticate({"Bearer abcdefgh1", {{"w2"}}})->workers.empty());
  EXPECT_TRUE(authenticator->Authenticate({"Bearer abcdefgh1", {{"w1"}}})->workers.Covers("w1"));
  const auto all = authenticator->Authenticate({"Bearer abcdefgh2", {{"w2"}}});
  EXPECT_TRUE(all->workers.Covers("w2"));
  EXPECT_FALSE(all->workers.Covers("w1"));
  EXPECT_FALSE(authenticator->Authenticate({"Bearer abcdefgh3", {{"w2"}}})->Has(Role::kWorker));
  // One that names nobody is no way in.
  EXPECT_EQ(ReasonOf(authenticator->Authenticate({"", {{"host.example"}}}).status()),
            v1::ERROR_REASON_UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(authenticator->Authenticate({"", std::vector<std::string>()}).status()),
            v1::ERROR_REASON_UNAUTHENTICATED);
}

TEST(AuthTest, WhereWorkersShowCertificatesATokenIsNotEnough) {
  auto authenticator = Authenticator::FromText("abcdefgh1 w1 worker\nabcdefgh2\n");
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  authenticator->RequireWorkerCertificates();
  for (const char* header : {"Bearer abcdefgh1", "Bearer abcdefgh2"}) {
    const auto principal = authenticator->Authenticate({header, {}});
    ASSERT_TRUE(principal.ok());
    EXPECT_THAT(MessageOf(Authenticator::Authorize(*principal, Role::kWorker, "m")),
                testing::HasSubstr("--cert"));
  }
  EXPECT_TRUE(authenticator->Authenticate({"Bearer abcdefgh2", {}})->Has(Role::kUser));
  EXPECT_TRUE(authenticator->Authenticate({"Bearer abcdefgh1", {{"w1"}}})->Has(Role::kWorker));
  Authenticator open;
  open.RequireWorkerCertificates();
  EXPECT_FALSE(open.Authenticate({})->Has(Role::kWorker));
  EXPECT_FALSE(open.Authenticate({"", {{"w1"}}})->workers.Covers("w2"));
}

TEST(AuthTest, BadTokenFilesAreRefused) {
  for (const char* text : {"", "# nothing\n", "short", "abcdefgh1 a b c d", "abcdefgh1 a boss"}) {
    EXPECT_FALSE(Authenticator::FromText(text).ok()) << text;
  }
}

TEST(AuthTest, LocalHosts) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]", "unix:/run/x"}) {
    EXPECT_TRUE(IsLocalHost(host)) << host;
  }
  for (const char* host :
       {"0.0.0.0", "10.0.0.1", "example.org", "::", "127.0.0.1.example.org", ""}) {
    EXPECT_FALSE(IsLocalHost(host)) << host;
  }
}

}  // namespace
}  // namespace graphkiln::coordinator
