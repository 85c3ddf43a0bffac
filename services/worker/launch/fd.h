// An owned file descriptor and the two ways of making connected pairs that the launcher needs; all
// of them close on exec, so no trainer inherits another one's socket.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace graphkiln::worker {

/// Closes its descriptor when destroyed. Thread-compatible.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Reset(other.Release());
    }
    return *this;
  }
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  /// Gives the descriptor away.
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// Two ends; what they are is said by the function that made them.
struct FdPair {
  Fd first;
  Fd second;
};

/// A connected pair of Unix stream sockets.
absl::StatusOr<FdPair> MakeSocketPair();
/// A pipe: `first` reads, `second` writes.
absl::StatusOr<FdPair> MakePipe();

/// A status of the system's `error` number with `what` in front: ResourceExhausted for full disks
/// and tables, NotFound, PermissionDenied, Unavailable for broken connections, else Internal.
absl::Status SystemError(int error, const char* what);

}  // namespace graphkiln::worker
