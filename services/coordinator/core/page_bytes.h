// Cuts pages of lists by bytes, so that no list grows beyond what a message may carry. Pure.
#pragma once

#include <cstddef>

namespace graphkiln::coordinator {

class PageBytes {
 public:
  /// Below the 4 MiB that gRPC's clients accept by default.
  static constexpr size_t kMost = 3 << 20;

  /// Takes an item of so many bytes: false where it belongs to the next page. The first always
  /// fits, so that every list comes to its end.
  bool Take(size_t bytes) {
    if (any_ && bytes > kMost - used_) return false;
    any_ = true;
    used_ = bytes > kMost - used_ ? kMost : used_ + bytes;
    return true;
  }

 private:
  size_t used_ = 0;
  bool any_ = false;
};

}  // namespace graphkiln::coordinator
