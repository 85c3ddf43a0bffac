#include "services/worker/launch/log_tail.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/base/strings.h"

namespace graphkiln::worker {
namespace {

std::string ToUtf8(std::string_view bytes) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string text;
  size_t bad = 0;
  while (!IsValidUtf8(bytes, &bad)) {
    text.append(bytes.substr(0, bad));
    text.append(kReplacement);
    bytes.remove_prefix(bad + 1);
  }
  text.append(bytes);
  return text;
}

}  // namespace

void LogTail::EmitLine(std::string_view line) {
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  if (sink_ && !line.empty()) {
    sink_(ToUtf8(line));
  }
}

void LogTail::Append(std::string_view bytes) {
  kept_.append(bytes);
  if (kept_.size() > 2 * kKeepBytes) {
    kept_.erase(0, kept_.size() - kKeepBytes);
  }
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const size_t take =
        std::min(end == std::string_view::npos ? bytes.size() : end, kMaxLineBytes - line_.size());
    line_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    const bool newline = !bytes.empty() && bytes.front() == '\n';
    if (newline) {
      bytes.remove_prefix(1);
    }
    if (newline || line_.size() == kMaxLineBytes) {
      EmitLine(line_);
      line_.clear();
    }
  }
}

void LogTail::Finish() {
  EmitLine(line_);
  line_.clear();
}

bool LogTail::ReadAvailable(int fd) {
  std::array<char, 16 << 10> chunk;
  while (true) {
    // poll instead of O_NONBLOCK: the mode would be shared with the writer's side of some pipes.
    pollfd entry{fd, POLLIN, 0};
    const int ready = ::poll(&entry, 1, 0);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      return true;
    }
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return false;
    }
    Append(std::string_view(chunk.data(), static_cast<size_t>(got)));
  }
}

std::string LogTail::Text() const {
  if (kept_.size() <= kKeepBytes) {
    return ToUtf8(kept_);
  }
  size_t start = kept_.size() - kKeepBytes;
  const size_t newline = kept_.find('\n', start);
  if (newline != std::string::npos && newline + 1 < kept_.size()) {
    start = newline + 1;
  }
  return ToUtf8(std::string_view(kept_).substr(start));
}

std::string LogTail::LastLine() const {
  std::string_view text = TrimView(kept_);
  const size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) {
    text.remove_prefix(newline + 1);
  }
  return ToUtf8(TrimView(text).substr(0, 200));
}

}  // namespace graphkiln::worker
