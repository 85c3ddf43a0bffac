// What may stand in an HTTP/2 header of ours. gRPC aborts the process over anything else.
#pragma once

#include <algorithm>
#include <string_view>

namespace graphkiln {

/// True for one or more visible ASCII characters, as in a bearer token. Pure.
inline bool IsHeaderValue(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace graphkiln
