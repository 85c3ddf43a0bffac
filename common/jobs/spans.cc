#include "common/jobs/spans.h"

#include <cctype>
#include <cmath>
#include <cstdlib>

#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::jobs {
namespace {

constexpr double kMaxSpanSeconds = 100.0 * 366 * 86400;

// Reads a plain decimal number (no sign, no exponent) off the front.
std::optional<double> TakeNumber(std::string_view* text) {
  size_t n = 0;
  int dots = 0;
  int digits = 0;
  while (n < text->size() && n < 32) {
    const char c = (*text)[n];
    if (c == '.') {
      ++dots;
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      ++digits;
    } else {
      break;
    }
    ++n;
  }
  if (digits == 0 || dots > 1) return std::nullopt;
  const double value = std::strtod(std::string(text->substr(0, n)).c_str(), nullptr);
  text->remove_prefix(n);
  return value;
}

std::string_view TakeWord(std::string_view* text) {
  size_t n = 0;
  while (n < text->size() && std::isalpha(static_cast<unsigned char>((*text)[n]))) ++n;
  const std::string_view word = text->substr(0, n);
  text->remove_prefix(n);
  return word;
}

struct Unit {
  std::string_view name;
  int64_t size;
};

constexpr Unit kTimeUnits[] = {{"d", 86'400'000'000'000},
                               {"h", 3'600'000'000'000},
                               {"m", 60'000'000'000},
                               {"s", 1'000'000'000},
                               {"ms", 1'000'000},
                               {"us", 1'000},
                               {"ns", 1}};

constexpr Unit kByteUnits[] = {{"tib", 1ll << 40},
                               {"gib", 1ll << 30},
                               {"mib", 1ll << 20},
                               {"kib", 1ll << 10},
                               {"tb", 1'000'000'000'000},
                               {"gb", 1'000'000'000},
                               {"mb", 1'000'000},
                               {"kb", 1'000},
                               {"b", 1},
                               {"", 1}};

}  // namespace

std::optional<int64_t> ParseSpan(std::string_view text) {
  text = TrimView(text);
  if (text.empty()) return std::nullopt;
  double total = 0;  // nanoseconds; exact for spans in whole units far beyond need
  int64_t previous = INT64_MAX;
  while (!text.empty()) {
    const auto number = TakeNumber(&text);
    if (!number) return std::nullopt;
    const std::string_view word = TakeWord(&text);
    int64_t unit = 0;
    for (const Unit& candidate : kTimeUnits) {
      if (candidate.name == word) unit = candidate.size;
    }
    if (unit == 0 || unit >= previous) return std::nullopt;  // units fall: 1h30m, never 30m1h
    previous = unit;
    total += *number * static_cast<double>(unit);
  }
  if (total < 1 || total > kMaxSpanSeconds * 1e9) return std::nullopt;
  return static_cast<int64_t>(std::llround(total));
}

std::string SpanText(int64_t nanoseconds) {
  std::string text;
  for (const Unit& unit : kTimeUnits) {
    const int64_t count = nanoseconds / unit.size;
    if (count == 0) continue;
    text += fmt::format("{}{}", count, unit.name);
    nanoseconds -= count * unit.size;
  }
  return text.empty() ? "0s" : text;
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  text = TrimView(text);
  const auto number = TakeNumber(&text);
  if (!number) return std::nullopt;
  const std::string unit_name = ToLowerAscii(TrimView(text));
  for (const Unit& unit : kByteUnits) {
    if (unit.name != unit_name) continue;
    const double bytes = *number * static_cast<double>(unit.size);
    if (bytes < 1 || bytes >= 9.2e18) return std::nullopt;
    return static_cast<int64_t>(bytes);
  }
  return std::nullopt;
}

std::string BytesText(int64_t bytes) {
  static constexpr Unit kExact[] = {
      {"TiB", 1ll << 40}, {"GiB", 1ll << 30}, {"MiB", 1ll << 20}, {"KiB", 1ll << 10}};
  for (const Unit& unit : kExact) {
    if (bytes != 0 && bytes % unit.size == 0)
      return fmt::format("{}{}", bytes / unit.size, unit.name);
  }
  return fmt::format("{}B", bytes);
}

}  // namespace graphkiln::jobs
