#include "common/base/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace graphkiln {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Lower case without the separators that naming styles disagree about.
std::string Folded(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (c != '_' && c != '-') folded.push_back(LowerAscii(c));
  }
  return folded;
}

// Length of the well-formed UTF-8 sequence at the front of `bytes`; 0 when there is none.
// Table 3-7 of the Unicode standard.
size_t Utf8SequenceLength(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const auto in = [&](size_t i, unsigned low, unsigned high) {
    return i < bytes.size() && at(i) >= low && at(i) <= high;
  };
  if (bytes.empty()) return 0;
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return in(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return in(1, low, high) && in(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return in(1, low, high) && in(2, 0x80, 0xbf) && in(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b, size_t limit) {
  const size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit) return limit + 1;
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    size_t least = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
      least = std::min(least, row[j]);
    }
    if (least > limit) return limit + 1;
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::optional<std::string> NearestName(std::string_view name,
                                       absl::Span<const std::string> candidates) {
  constexpr size_t kLongestUsefulName = 256;  // keeps hostile names from costing quadratic time
  if (name.empty() || name.size() > kLongestUsefulName) return std::nullopt;
  const std::string folded = Folded(name);
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestUsefulName) continue;
    const std::string folded_candidate = Folded(candidate);
    size_t limit = std::max(folded.size(), folded_candidate.size()) / 3;
    if (best != nullptr) limit = std::min(limit, best_distance);
    const size_t distance = EditDistance(folded, folded_candidate, limit);
    if (distance > limit) continue;
    if (best == nullptr || distance < best_distance || candidate < *best) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string QuoteForMessage(std::string_view untrusted, size_t max) {
  std::string quoted = "\"";
  size_t at = 0;
  while (at < untrusted.size()) {
    const size_t length = Utf8SequenceLength(untrusted.substr(at));
    if (at + std::max<size_t>(length, 1) > max) {
      quoted += "...";
      break;
    }
    const auto byte = static_cast<unsigned char>(untrusted[at]);
    // U+0080..U+009F are control characters too (C2 80 .. C2 9F).
    const bool c1_control =
        length == 2 && byte == 0xc2 && static_cast<unsigned char>(untrusted[at + 1]) < 0xa0;
    if (length == 1 && (byte == '"' || byte == '\\')) {
      quoted += '\\';
      quoted += static_cast<char>(byte);
    } else if (length == 1 && byte == '\n') {
      quoted += "\\n";
    } else if (length == 1 && byte == '\t') {
      quoted += "\\t";
    } else if (length == 0 || c1_control || (length == 1 && (byte < 0x20 || byte == 0x7f))) {
      quoted += fmt::format("\\x{:02x}", byte);
      if (c1_control) {
        quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(untrusted[at + 1]));
      }
    } else {
      quoted.append(untrusted.substr(at, length));
    }
    at += std::max<size_t>(length, 1);
  }
  quoted += '"';
  return quoted;
}

bool IsValidUtf8(std::string_view bytes, size_t* bad_offset) {
  size_t at = 0;
  while (at < bytes.size()) {
    if (static_cast<unsigned char>(bytes[at]) < 0x80) {
      ++at;
      continue;
    }
    const size_t length = Utf8SequenceLength(bytes.substr(at));
    if (length == 0) {
      if (bad_offset != nullptr) *bad_offset = at;
      return false;
    }
    at += length;
  }
  return true;
}

bool GlobMatch(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;  // last '*' seen, where a mismatch goes back to
  size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string_view> SplitView(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  size_t start = 0;
  for (size_t end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator, start)) {
    pieces.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

std::string_view TrimView(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

std::string ToLowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerAscii(c);
  return lower;
}

std::string HumanBytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024.0;
  size_t unit = 0;
  // Anything that would print as 1024.0 belongs to the next unit.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  const std::string number = fmt::format("{:.1f}", value);
  return fmt::format("{} {}", number.ends_with(".0") ? number.substr(0, number.size() - 2) : number,
                     kUnits[unit]);
}

}  // namespace graphkiln
