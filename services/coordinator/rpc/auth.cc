#include "services/coordinator/rpc/auth.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

constexpr uint8_t kAllRoles = 7;
constexpr size_t kMinTokenBytes = 8;
constexpr size_t kMaxTokenBytes = 4096;
constexpr size_t kMaxTokens = 1000;

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (true) {
    at = line.find_first_not_of(" \t\r", at);
    if (at == std::string_view::npos) return words;
    const size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
}

absl::StatusOr<uint8_t> ParseRoles(std::string_view text) {
  uint8_t roles = 0;
  for (const std::string_view word : SplitView(text, ',')) {
    bool known = false;
    for (const Role role : {Role::kUser, Role::kOperator, Role::kWorker}) {
      if (word != RoleName(role)) continue;
      roles |= static_cast<uint8_t>(role);
      known = true;
    }
    if (!known) {
      return FieldError("token file", fmt::format("{} is no role (user, operator, worker)",
                                                  QuoteForMessage(word)));
    }
  }
  return roles;
}

// Equal time for equal and different digests.
bool SameDigest(const std::array<uint8_t, 32>& a, const std::array<uint8_t, 32>& b) {
  uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<uint8_t>(a[i] ^ b[i]);
  return difference == 0;
}

absl::Status Unauthenticated(std::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, v1::ERROR_REASON_UNAUTHENTICATED, message);
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kUser:
      return "user";
    case Role::kOperator:
      return "operator";
    case Role::kWorker:
      return "worker";
    case Role::kUserOrWorker:
      return "user or worker";
  }
  return "nobody";
}

absl::StatusOr<Authenticator> Authenticator::FromText(std::string_view text) {
  Authenticator authenticator;
  for (const std::string_view line : SplitView(text, '\n')) {
    const std::vector<std::string_view> words = Words(line);
    if (words.empty() || words[0].front() == '#') continue;
    if (words.size() > 3) {
      return FieldError("token file", "a line is TOKEN [NAME [ROLE,ROLE...]]");
    }
    if (words[0].size() < kMinTokenBytes || words[0].size() > kMaxTokenBytes) {
      return FieldError("token file", fmt::format("a token has {} to {} characters", kMinTokenBytes,
                                                  kMaxTokenBytes));
    }
    Entry entry{Sha256Digest(words[0]), {"default", kAllRoles, WorkerNames::Any()}};
    if (words.size() > 1) {
      entry.principal.name = std::string(words[1]);
      entry.principal.workers = WorkerNames::Matching(words[1]);
    }
    if (words.size() > 2) {
      auto roles = ParseRoles(words[2]);
      if (!roles.ok()) return roles.status();
      entry.principal.roles = *roles;
    }
    authenticator.entries_.push_back(std::move(entry));
    if (authenticator.entries_.size() > kMaxTokens) {
      return FieldError("token file", fmt::format("more than {} tokens", kMaxTokens));
    }
  }
  if (authenticator.entries_.empty()) return FieldError("token file", "there is no token in it");
  return authenticator;
}

absl::StatusOr<Principal> Authenticator::Authenticate(const Credentials& credentials) const {
  Principal principal{"local", kAllRoles, WorkerNames::Any()};
  const auto& names = credentials.certificate_names;
  const WorkerNames certified = WorkerNames::Exactly(names.value_or(std::vector<std::string>()));
  if (!open()) {
    if (credentials.authorization.empty() && !certified.empty()) {
      return Principal{names->front(), static_cast<uint8_t>(Role::kWorker), certified};
    }
    ASSIGN_OR_RETURN(principal, FromToken(credentials.authorization));
  }
  if (names.has_value()) {
    principal.workers = certified.CoveredBy(principal.workers);
  } else if (worker_certificates_ && principal.Has(Role::kWorker)) {
    principal.roles &= static_cast<uint8_t>(~static_cast<uint8_t>(Role::kWorker));
    principal.lacks_certificate = true;
  }
  return principal;
}

absl::StatusOr<Principal> Authenticator::FromToken(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.empty()) {
    return Unauthenticated("this server asks for a token: send `authorization: Bearer TOKEN`");
  }
  if (authorization.size() <= kScheme.size() || authorization.size() > kMaxTokenBytes * 2 ||
      ToLowerAscii(authorization.substr(0, kScheme.size())) != kScheme) {
    return Unauthenticated("the authorization header is not `Bearer TOKEN`");
  }
  const auto digest = Sha256Digest(TrimView(authorization.substr(kScheme.size())));
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {  // all of them, so that the time tells nothing
    if (SameDigest(entry.digest, digest)) found = &entry;
  }
  if (found == nullptr) return Unauthenticated("the token is not valid here");
  return found->principal;
}

absl::Status Authenticator::Authorize(const Principal& principal, Role role,
                                      std::string_view method) {
  if (principal.Has(role)) return absl::OkStatus();
  if (role == Role::kWorker && principal.lacks_certificate) {
    return MakeError(absl::StatusCode::kPermissionDenied, v1::ERROR_REASON_PERMISSION_DENIED,
                     "workers of this server show a certificate: give kiln-worker --cert and --key",
                     {{"role", std::string(RoleName(role))}});
  }
  return MakeError(absl::StatusCode::kPermissionDenied, v1::ERROR_REASON_PERMISSION_DENIED,
                   fmt::format("{} asks for the role {}, which {} does not have", method,
                               RoleName(role), QuoteForMessage(principal.name)),
                   {{"role", std::string(RoleName(role))}});
}

bool IsLocalHost(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  if (host.substr(0, 5) == "unix:") return true;
  if (host.substr(0, 4) != "127.") return false;
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace graphkiln::coordinator
