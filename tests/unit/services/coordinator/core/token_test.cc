#include "services/coordinator/core/token.h"

#include <gtest/gtest.h>

#include "common/base/hash.h"
#include "common/base/status_matchers.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

TEST(TokenTest, HmacMatchesRfc4231) {
  EXPECT_EQ(HexEncode(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(HmacSha256(std::string(131, '\xaa'),
                                 "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(TokenTest, OpensWhatItSealed) {
  const TokenSealer sealer("key");
  ASSERT_OK_AND_ASSIGN(const std::string payload, sealer.Open("p", sealer.Seal("p", "payload")));
  EXPECT_EQ(payload, "payload");
}

TEST(TokenTest, RefusesAnotherPurposeKeyOrAnyChangedByte) {
  const TokenSealer sealer("key");
  const std::string token = sealer.Seal("p", "payload");
  EXPECT_FALSE(sealer.Open("q", token).ok());
  EXPECT_FALSE(TokenSealer("other").Open("p", token).ok());
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto opened = sealer.Open("p", changed);
    // The last character may carry unused bits; the payload is the same then.
    if (opened.ok()) {
      EXPECT_EQ(*opened, "payload");
      EXPECT_EQ(i, token.size() - 1);
    } else {
      EXPECT_EQ(ReasonOf(opened.status()), v1::ERROR_REASON_TOKEN_INVALID);
    }
  }
}

TEST(TokenTest, RefusesRubbish) {
  const TokenSealer sealer("key");
  for (const char* rubbish :
       {"", "a", "====", "not base64 at all!", "\xff\xff", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_FALSE(OpenResume(sealer, rubbish).ok()) << rubbish;
  }
  EXPECT_FALSE(OpenResume(sealer, std::string(1 << 20, 'A')).ok());
  EXPECT_FALSE(OpenResume(sealer, sealer.Seal("resume", "short")).ok());
}

TEST(TokenTest, AResumePositionComesBackWhole) {
  const TokenSealer sealer("key");
  const std::string uid(32, 'f');
  ASSERT_OK_AND_ASSIGN(const ResumePosition position,
                       OpenResume(sealer, SealResume(sealer, {uid, 0xfedcba9876543210, 1 << 30})));
  EXPECT_EQ(position.job_uid, uid);
  EXPECT_EQ(position.log_generation, 0xfedcba9876543210u);
  EXPECT_EQ(position.seq, 1 << 30);
}

}  // namespace
}  // namespace graphkiln::coordinator
