// Who calls: bearer tokens checked in memory, in constant time. Immutable, any thread.
//
// Without tokens everyone who reaches the port is the local user with all roles; the server then
// binds loopback or a Unix socket only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace graphkiln::coordinator {

/// What a method asks of its caller; every method of the table names one. Bits: a principal holds a
/// set, and `kUserOrWorker` is satisfied by either.
enum class Role : uint8_t { kUser = 1, kOperator = 2, kWorker = 4, kUserOrWorker = 5 };
std::string_view RoleName(Role role);

struct Principal {
  std::string name;
  uint8_t roles = 0;
  bool Has(Role role) const { return (roles & static_cast<uint8_t>(role)) != 0; }
};

class Authenticator {
 public:
  /// Lets everyone in as `local`.
  Authenticator() = default;
  /// Lines of a token file: `TOKEN [NAME [ROLE,ROLE...]]` with roles `user`, `operator`, `worker`;
  /// name and roles default to `default` and all. Empty lines and lines that begin with # are
  /// skipped.
  static absl::StatusOr<Authenticator> FromText(std::string_view text);

  bool open() const { return entries_.empty(); }
  /// `authorization` is the value of that header, or empty. Error: UNAUTHENTICATED.
  absl::StatusOr<Principal> Authenticate(std::string_view authorization) const;
  /// Error: PERMISSION_DENIED.
  static absl::Status Authorize(const Principal& principal, Role role, std::string_view method);

 private:
  struct Entry {
    std::array<uint8_t, 32> digest;  // of the token; the token itself is not kept
    Principal principal;
  };
  std::vector<Entry> entries_;
};

/// True for addresses that only this machine reaches: loopback, `localhost`, `unix:PATH`.
bool IsLocalHost(std::string_view host);

}  // namespace graphkiln::coordinator
