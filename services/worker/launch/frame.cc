#include "services/worker/launch/frame.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::worker {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr size_t kReadChunk = 64 << 10;

void PutSize(uint32_t size, char* out) {
  for (int i = 0; i < 4; ++i) {
    out[i] = static_cast<char>(size >> (8 * i));
  }
}

uint32_t GetSize(const char* in) {
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) {
    size |= static_cast<uint32_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  return size;
}

absl::Status EndOfStream() { return absl::OutOfRangeError("the peer closed the connection"); }

absl::Status TooLarge(uint64_t size) {
  return absl::InvalidArgumentError(
      fmt::format("a message of {} bytes exceeds the limit of {} bytes", size, kMaxFrameBytes));
}

/// Room for the ancillary data of kMaxFrameFds descriptors.
union ControlBuffer {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int) * kMaxFrameFds)];
};

/// One sendmsg; `fds` ride on the first byte. Returns bytes taken, or -1 with errno.
ssize_t SendSome(int socket, std::string_view bytes, absl::Span<const int> fds, int flags) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control{};
  if (!fds.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

/// One recvmsg; descriptors are taken over whether wanted or not, so none leaks.
ssize_t ReceiveSome(int socket, char* out, size_t size, int flags, std::vector<Fd>* fds) {
  iovec part{out, size};
  msghdr message{};
  ControlBuffer control{};
  ssize_t received;
  do {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    received = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    return received;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      Fd owned(fd);
      if (fds != nullptr) {
        fds->push_back(std::move(owned));
      }
    }
  }
  return received;
}

/// Waits until a socket in non-blocking mode can go on.
void WaitFor(int socket, short events) {
  pollfd entry{socket, events, 0};
  ::poll(&entry, 1, -1);
}

absl::Status WriteAll(int socket, std::string_view bytes, absl::Span<const int> fds) {
  while (!bytes.empty()) {
    const ssize_t sent = SendSome(socket, bytes, fds, 0);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        WaitFor(socket, POLLOUT);
        continue;
      }
      return SystemError(errno, "cannot write a message");
    }
    fds = {};
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

/// Fills `out`; `at_boundary` says that an end before the first byte is a clean one.
absl::Status ReadAll(int socket, char* out, size_t size, bool at_boundary, std::vector<Fd>* fds) {
  size_t have = 0;
  while (have < size) {
    const ssize_t received = ReceiveSome(socket, out + have, size - have, 0, fds);
    if (received == 0) {
      return at_boundary && have == 0
                 ? EndOfStream()
                 : absl::DataLossError("the connection ended inside a message");
    }
    if (received < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        WaitFor(socket, POLLIN);
        continue;
      }
      return SystemError(errno, "cannot read a message");
    }
    have += static_cast<size_t>(received);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MakeFrame(const google::protobuf::MessageLite& message) {
  const size_t size = message.ByteSizeLong();
  if (size > kMaxFrameBytes) {
    return TooLarge(size);
  }
  std::string frame(kHeaderBytes, '\0');
  PutSize(static_cast<uint32_t>(size), frame.data());
  if (!message.AppendToString(&frame)) {
    return absl::InternalError("cannot serialize a message");
  }
  return frame;
}

}  // namespace

bool IsEndOfStream(const absl::Status& status) {
  return status.code() == absl::StatusCode::kOutOfRange;
}

absl::Status WriteFrame(int socket, std::string_view bytes, absl::Span<const int> fds) {
  if (bytes.size() > kMaxFrameBytes) {
    return TooLarge(bytes.size());
  }
  if (fds.size() > kMaxFrameFds) {
    return absl::InvalidArgumentError("too many descriptors beside one message");
  }
  // Small frames leave in one call; large ones are not copied for that.
  char header[kHeaderBytes];
  PutSize(static_cast<uint32_t>(bytes.size()), header);
  if (bytes.size() <= kReadChunk) {
    std::string frame(header, kHeaderBytes);
    frame.append(bytes);
    return WriteAll(socket, frame, fds);
  }
  RETURN_IF_ERROR(WriteAll(socket, {header, kHeaderBytes}, fds));
  return WriteAll(socket, bytes, {});
}

absl::Status WriteMessage(int socket, const google::protobuf::MessageLite& message,
                          absl::Span<const int> fds) {
  if (fds.size() > kMaxFrameFds) {
    return absl::InvalidArgumentError("too many descriptors beside one message");
  }
  ASSIGN_OR_RETURN(const std::string frame, MakeFrame(message));
  return WriteAll(socket, frame, fds);
}

absl::StatusOr<std::string> ReadFrame(int socket, std::vector<Fd>* fds) {
  char header[kHeaderBytes];
  RETURN_IF_ERROR(ReadAll(socket, header, kHeaderBytes, /*at_boundary=*/true, fds));
  const uint32_t size = GetSize(header);
  if (size > kMaxFrameBytes) {
    return TooLarge(size);
  }
  // Memory grows with what really arrives, not with what the header promises.
  std::string bytes;
  while (bytes.size() < size) {
    const size_t have = bytes.size();
    const size_t step = std::min<size_t>(size - have, 16 * kReadChunk);
    bytes.resize(have + step);
    RETURN_IF_ERROR(ReadAll(socket, bytes.data() + have, step, /*at_boundary=*/false, fds));
  }
  return bytes;
}

absl::Status ReadMessage(int socket, google::protobuf::MessageLite* message, std::vector<Fd>* fds) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFrame(socket, fds));
  if (!message->ParseFromString(bytes)) {
    return absl::DataLossError("a frame holds no " + message->GetTypeName());
  }
  return absl::OkStatus();
}

absl::Status FrameReader::ReadAvailable(int socket, std::vector<std::string>* frames) {
  while (true) {
    const size_t have = buffer_.size();
    buffer_.resize(have + kReadChunk);
    const ssize_t received =
        ReceiveSome(socket, buffer_.data() + have, kReadChunk, MSG_DONTWAIT, nullptr);
    const int error = errno;
    buffer_.resize(have + static_cast<size_t>(received > 0 ? received : 0));
    if (received > 0) {
      RETURN_IF_ERROR(TakeFrames(frames));
      continue;
    }
    if (received == 0) {
      return buffer_.empty() ? EndOfStream()
                             : absl::DataLossError("the connection ended inside a message");
    }
    if (error == EAGAIN || error == EWOULDBLOCK) {
      return absl::OkStatus();
    }
    return SystemError(error, "cannot read a message");
  }
}

absl::Status FrameReader::TakeFrames(std::vector<std::string>* frames) {
  size_t at = 0;
  absl::Status status;
  while (buffer_.size() - at >= kHeaderBytes) {
    const uint32_t size = GetSize(buffer_.data() + at);
    if (size > kMaxFrameBytes) {
      status = TooLarge(size);
      break;
    }
    if (buffer_.size() - at - kHeaderBytes < size) {
      break;
    }
    frames->push_back(buffer_.substr(at + kHeaderBytes, size));
    at += kHeaderBytes + size;
  }
  buffer_.erase(0, at);
  return status;
}

absl::Status FrameWriter::Queue(const google::protobuf::MessageLite& message,
                                absl::Span<const int> fds) {
  if (fds.size() > kMaxFrameFds) {
    return absl::InvalidArgumentError("too many descriptors beside one message");
  }
  if (queued_bytes_ > 2ull * kMaxFrameBytes) {
    return absl::ResourceExhaustedError("the peer does not take its messages");
  }
  Chunk chunk;
  ASSIGN_OR_RETURN(chunk.bytes, MakeFrame(message));
  for (const int fd : fds) {
    // Copies, because the frame may leave later than the caller closes its own.
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
      return SystemError(errno, "cannot copy a descriptor");
    }
    chunk.fds.emplace_back(copy);
  }
  queued_bytes_ += chunk.bytes.size();
  chunks_.push_back(std::move(chunk));
  return absl::OkStatus();
}

absl::Status FrameWriter::Flush(int socket) {
  size_t done = 0;
  absl::Status status;
  while (done < chunks_.size()) {
    Chunk& chunk = chunks_[done];
    std::array<int, kMaxFrameFds> raw{};
    const size_t count = written_ == 0 ? chunk.fds.size() : 0;
    for (size_t i = 0; i < count; ++i) {
      raw[i] = chunk.fds[i].get();
    }
    const ssize_t sent = SendSome(socket, std::string_view(chunk.bytes).substr(written_),
                                  absl::MakeConstSpan(raw.data(), count), MSG_DONTWAIT);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        status = SystemError(errno, "cannot write a message");
      }
      break;
    }
    written_ += static_cast<size_t>(sent);
    if (written_ == chunk.bytes.size()) {
      queued_bytes_ -= chunk.bytes.size();
      written_ = 0;
      ++done;
    }
  }
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(done));
  return status;
}

}  // namespace graphkiln::worker
