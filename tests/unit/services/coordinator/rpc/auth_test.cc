#include "services/coordinator/rpc/auth.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

TEST(AuthTest, WithoutTokensEveryoneIsLocal) {
  const Authenticator open;
  const auto principal = open.Authenticate("");
  ASSERT_TRUE(principal.ok());
  EXPECT_EQ(principal->name, "local");
  EXPECT_TRUE(principal->Has(Role::kOperator));
  EXPECT_TRUE(principal->Has(Role::kWorker));
}

TEST(AuthTest, TokensNameAPrincipalAndItsRoles) {
  const auto authenticator = Authenticator::FromText(
      "# people\nabcdefgh1 alice user,operator\n\nabcdefgh2 w worker\nabcdefgh3\n");
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  const auto alice = authenticator->Authenticate("Bearer abcdefgh1");
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->name, "alice");
  EXPECT_TRUE(Authenticator::Authorize(*alice, Role::kOperator, "m").ok());
  EXPECT_TRUE(Authenticator::Authorize(*alice, Role::kUserOrWorker, "m").ok());
  EXPECT_EQ(ReasonOf(Authenticator::Authorize(*alice, Role::kWorker, "m")),
            v1::ERROR_REASON_PERMISSION_DENIED);
  const auto worker = authenticator->Authenticate("bearer  abcdefgh2 ");
  ASSERT_TRUE(worker.ok());
  EXPECT_FALSE(worker->Has(Role::kUser));
  EXPECT_TRUE(worker->Has(Role::kUserOrWorker));
  EXPECT_EQ(authenticator->Authenticate("Bearer abcdefgh3")->name, "default");
}

TEST(AuthTest, WrongHeadersAreUnauthenticated) {
  const auto authenticator = Authenticator::FromText("abcdefgh1");
  for (const char* header :
       {"", "Bearer", "Bearer ", "abcdefgh1", "Bearer abcdefgh", "Bearer abcdefgh12"}) {
    EXPECT_EQ(ReasonOf(authenticator->Authenticate(header).status()),
              v1::ERROR_REASON_UNAUTHENTICATED)
        << header;
  }
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
