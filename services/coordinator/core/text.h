// Text from outside. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace graphkiln::coordinator {

/// At most `most` bytes of well-formed UTF-8, never cut inside a character: protobuf refuses to
/// read a string field that is not UTF-8, so a careless cut would make a stored event unreadable.
inline std::string_view TruncateUtf8(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace graphkiln::coordinator
