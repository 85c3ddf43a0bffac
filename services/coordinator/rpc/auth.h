// Who calls: bearer tokens, checked in memory and in constant time, and the names in a certificate
// that TLS has verified. Immutable once the server runs, any thread.
//
// Without tokens everyone who reaches the port is the local user with all roles; the server then
// binds loopback or a Unix socket only. A worker's token and a certificate tell which workers their
// bearer may speak as; where both are there, both must agree.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/coordinator/core/worker_names.h"

namespace graphkiln::coordinator {

/// What a method asks of its caller; every method of the table names one. Bits: a principal holds a
/// set, and `kUserOrWorker` is satisfied by either.
enum class Role : uint8_t { kUser = 1, kOperator = 2, kWorker = 4, kUserOrWorker = 5 };
std::string_view RoleName(Role role);

struct Principal {
  std::string name;
  uint8_t roles = 0;
  WorkerNames workers;             // which workers it may speak as
  bool lacks_certificate = false;  // the role `worker` was withheld for that
  bool Has(Role role) const { return (roles & static_cast<uint8_t>(role)) != 0; }
};

/// What a transport knows of a caller.
struct Credentials {
  std::string authorization;  // value of that header; empty: none
  /// DNS names of the verified client certificate; nullopt without one.
  std::optional<std::vector<std::string>> certificate_names;
};

class Authenticator {
 public:
  /// Lets everyone in as `local`.
  Authenticator() = default;
  /// Lines of a token file: `TOKEN [NAME [ROLE,ROLE...]]` with roles `user`, `operator`, `worker`;
  /// name and roles default to `default` and all. With a name, the role `worker` is that of the
  /// worker NAME alone (`pool-*`: of all whose name begins so); without, of any. Empty lines and
  /// lines that begin with # are skipped.
  static absl::StatusOr<Authenticator> FromText(std::string_view text);

  bool open() const { return entries_.empty(); }
  /// From now on only a certificate gives the role `worker`.
  void RequireWorkerCertificates() { worker_certificates_ = true; }
  /// A certificate alone is a worker; a token decides itself which roles it has, and with a
  /// certificate beside it speaks only as the workers that both name. Error: UNAUTHENTICATED.
  absl::StatusOr<Principal> Authenticate(const Credentials& credentials) const;
  /// Error: PERMISSION_DENIED.
  static absl::Status Authorize(const Principal& principal, Role role, std::string_view method);

 private:
  struct Entry {
    std::array<uint8_t, 32> digest;  // of the token; the token itself is not kept
    Principal principal;
  };
  absl::StatusOr<Principal> FromToken(std::string_view authorization) const;

  std::vector<Entry> entries_;
  bool worker_certificates_ = false;
};

/// True for addresses that only this machine reaches: loopback, `localhost`, `unix:PATH`.
bool IsLocalHost(std::string_view host);

}  // namespace graphkiln::coordinator
