// The last bytes of a process's output, and its lines one by one. Used by the pool (per trainer and
// for the warm parent) and by RunForwardOnce. A process may write any bytes; what comes out is
// always well-formed UTF-8 (a bad byte becomes U+FFFD), because it travels in protobuf strings.
// Thread-compatible.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace graphkiln::worker {

class LogTail {
 public:
  static constexpr size_t kKeepBytes = 64 << 10;
  /// Longer lines are handed out in pieces of this size.
  static constexpr size_t kMaxLineBytes = 4 << 10;

  using LineSink = std::function<void(std::string_view line)>;

  explicit LogTail(LineSink sink = nullptr) : sink_(std::move(sink)) {}

  void Append(std::string_view bytes);
  /// Hands out a last line that has no newline.
  void Finish();
  /// Reads all that a pipe holds now, without waiting. False at its end (or a broken pipe).
  bool ReadAvailable(int fd);
  /// The last kKeepBytes at most, starting at the start of a line where one is there.
  std::string Text() const;
  /// The last line that is not empty, at most 200 bytes of it; for reasons.
  std::string LastLine() const;

 private:
  void EmitLine(std::string_view line);

  LineSink sink_;
  std::string kept_;
  std::string line_;
};

}  // namespace graphkiln::worker
