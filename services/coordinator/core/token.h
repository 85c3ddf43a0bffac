// Opaque tokens: what a client holds between calls and gives back unread (resume and page tokens).
//
// A token is base64url of: version, payload, tag; the tag is HMAC-SHA-256 over purpose and payload
// with a secret of the store, cut to 16 bytes. A token of another purpose or server, or an altered
// one, is refused; reading never trusts a byte before the tag is verified. Thread-safe: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace graphkiln::coordinator {

class TokenSealer {
 public:
  explicit TokenSealer(std::string key) : key_(std::move(key)) {}

  std::string Seal(std::string_view purpose, std::string_view payload) const;
  /// Error: TOKEN_INVALID.
  absl::StatusOr<std::string> Open(std::string_view purpose, std::string_view token) const;

 private:
  std::string Tag(std::string_view purpose, std::string_view payload) const;
  const std::string key_;
};

/// A position in the log of one job: continues after `seq`.
struct ResumePosition {
  std::string job_uid;
  uint64_t log_generation = 0;
  int64_t seq = 0;
};
std::string SealResume(const TokenSealer& sealer, const ResumePosition& position);
absl::StatusOr<ResumePosition> OpenResume(const TokenSealer& sealer, std::string_view token);

std::string HmacSha256(std::string_view key, std::string_view message);

}  // namespace graphkiln::coordinator
