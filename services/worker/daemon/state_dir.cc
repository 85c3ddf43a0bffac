#include "services/worker/daemon/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::worker {

absl::StatusOr<StateDir> StateDir::Open(const std::string& path) {
  RETURN_IF_ERROR(MakeDirs(path));
  Fd lock(::open(JoinPath(path, "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return SystemError(errno, "cannot open the lock of the state folder");
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("another worker uses the state folder {}", QuoteForMessage(path)));
  }
  return StateDir(path, std::move(lock));
}

absl::StatusOr<std::string> StateDir::Name(const std::string& wanted, const std::string& host,
                                           RandomSource& random) const {
  if (!wanted.empty()) {
    if (!IsResourceId(wanted)) {
      return absl::InvalidArgumentError(
          fmt::format("{} is no worker name: lower-case letters, digits and '-' are allowed, at "
                      "most 63, a letter "
                      "first",
                      QuoteForMessage(wanted)));
    }
    return wanted;
  }
  const std::string file = JoinPath(path_, "name");
  if (const absl::StatusOr<std::string> kept = ReadFile(file, 256); kept.ok()) {
    const std::string name(TrimView(*kept));
    if (IsResourceId(name)) {
      return name;
    }
  }
  std::string base = ToResourceId(host).substr(0, 50);
  const std::string name = fmt::format("{}-{}", base, NewUid(random).substr(0, 6));
  RETURN_IF_ERROR(WriteFileAtomic(file, name + "\n"));
  return name;
}

std::string StateDir::leases() const { return JoinPath(path_, "leases"); }

std::string StateDir::artifacts() const { return JoinPath(path_, "artifacts"); }

}  // namespace graphkiln::worker
