// Messages over the sockets between daemon, warm parent and trainer: each is preceded by its size
// as a 32-bit little-endian number and is at most kMaxFrameBytes long. Descriptors travel beside a
// message by SCM_RIGHTS.
//
// The blocking functions serve the trainer and its parent (single-threaded, any blocking mode of
// the socket); FrameReader and FrameWriter never wait and serve event loops and the trainer's look
// for commands between two steps. Everything is written with MSG_NOSIGNAL, so a dead peer is a
// status, not a SIGPIPE. One socket must not be read (or written) by two threads at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message_lite.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::worker {

inline constexpr uint32_t kMaxFrameBytes = 256u << 20;
/// Descriptors beside one message.
inline constexpr size_t kMaxFrameFds = 4;

/// Errors of reading: the peer closed between two frames (see IsEndOfStream), DataLoss when it
/// closed inside one or the bytes are no message, InvalidArgument when a size exceeds
/// kMaxFrameBytes, Unavailable when the connection broke. All of them are final for the socket.
bool IsEndOfStream(const absl::Status& status);

/// Blocking. InvalidArgument when the message is too large (nothing was written then), Unavailable
/// when the peer is gone. `fds` stay open here; the peer receives copies.
absl::Status WriteFrame(int socket, std::string_view bytes, absl::Span<const int> fds = {});
absl::Status WriteMessage(int socket, const google::protobuf::MessageLite& message,
                          absl::Span<const int> fds = {});

/// Blocking. Received descriptors (close-on-exec) go to `fds`, or are closed when it is null.
absl::StatusOr<std::string> ReadFrame(int socket, std::vector<Fd>* fds = nullptr);
absl::Status ReadMessage(int socket, google::protobuf::MessageLite* message,
                         std::vector<Fd>* fds = nullptr);

/// Puts bytes that arrive in pieces together. Thread-compatible.
class FrameReader {
 public:
  /// Takes all that the socket holds now, without waiting, and appends the frames that are complete
  /// to `frames`. OK when the socket is drained for now; else the status is final, and frames that
  /// were complete before it have still been appended.
  absl::Status ReadAvailable(int socket, std::vector<std::string>* frames);

 private:
  absl::Status TakeFrames(std::vector<std::string>* frames);

  std::string buffer_;
};

/// Writes frames as the socket takes them. Thread-compatible.
class FrameWriter {
 public:
  /// Queues a frame. InvalidArgument when too large; ResourceExhausted when more than two full
  /// frames' worth of bytes already wait.
  absl::Status Queue(const google::protobuf::MessageLite& message, absl::Span<const int> fds = {});
  /// Writes what the socket takes now, without waiting. Unavailable when the peer is gone.
  absl::Status Flush(int socket);
  bool pending() const { return !chunks_.empty(); }

 private:
  struct Chunk {
    std::string bytes;
    std::vector<Fd> fds;
  };

  std::vector<Chunk> chunks_;
  size_t written_ = 0;  // bytes of the first chunk that are out
  uint64_t queued_bytes_ = 0;
};

}  // namespace graphkiln::worker
