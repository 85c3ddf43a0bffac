// Time spans (5m, 1h30m, 90s, 250ms) and sizes (4GiB, 512MB) as people write them. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace graphkiln::jobs {

/// Nanoseconds of a span; none where it is malformed, not above zero, or beyond 100 years.
std::optional<int64_t> ParseSpan(std::string_view text);

/// The shortest text that ParseSpan reads back to the same span.
std::string SpanText(int64_t nanoseconds);

/// Bytes; none where it is malformed, not above zero, or 2^63 and more. Units: B, kB, MB, GB, TB
/// and KiB, MiB, GiB, TiB, in any case; a plain number is bytes.
std::optional<int64_t> ParseBytes(std::string_view text);

/// The shortest exact text, such as 4GiB.
std::string BytesText(int64_t bytes);

}  // namespace graphkiln::jobs
