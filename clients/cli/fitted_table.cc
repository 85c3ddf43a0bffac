#include "clients/cli/fitted_table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>

namespace graphkiln::cli {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr size_t kGap = 2;
// The first column is cut down to this before others are left out.
constexpr size_t kLeastFirst = 24;
constexpr size_t kLeast = 4;

// The character at `at`, and its bytes.
struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
};

Character CharacterAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes == 1 || at + bytes > text.size()) return {first, 1};
  uint32_t code = first & (0x7fU >> bytes);
  for (size_t i = 1; i < bytes; ++i) code = code << 6 | (byte(at + i) & 0x3fU);
  return {code, bytes};
}

// East Asian characters and emoji take two columns.
size_t Columns(uint32_t code) {
  constexpr uint32_t kWide[][2] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                   {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                   {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
  const bool wide = std::any_of(std::begin(kWide), std::end(kWide), [&](const auto& range) {
    return code >= range[0] && code <= range[1];
  });
  return wide ? 2 : 1;
}

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const Character c = CharacterAt(text, at);
    width += Columns(c.code);
    at += c.bytes;
  }
  return width;
}

std::string CutTo(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  size_t shown = 0;
  size_t at = 0;
  while (at < text.size()) {
    const Character c = CharacterAt(text, at);
    if (shown + Columns(c.code) > width - 1) break;
    shown += Columns(c.code);
    at += c.bytes;
  }
  return std::string(text.substr(0, at)) + std::string(kEllipsis);
}

std::string FittedTable::Text(std::optional<size_t> width) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t most = DisplayWidth(columns_[c].title);
    for (const auto& row : rows_) most = std::max(most, DisplayWidth(row[c]));
    widths.push_back(most);
  }
  std::vector<bool> shown(columns_.size(), true);
  const auto others = [&] {
    size_t sum = 0;
    for (size_t c = 1; c < columns_.size(); ++c) sum += shown[c] ? kGap + widths[c] : 0;
    return sum;
  };
  while (width && others() + std::min(widths[0], kLeastFirst) > *width) {
    size_t drop = 0;
    for (size_t c = 1; c < columns_.size(); ++c) {
      if (shown[c] && columns_[c].rank > (drop > 0 ? columns_[drop].rank : 0)) drop = c;
    }
    if (drop == 0) break;
    shown[drop] = false;
  }
  if (width) {
    // What must stay gives way from the widest on.
    while (others() + kLeast > *width) {
      size_t widest = 0;
      for (size_t c = 1; c < columns_.size(); ++c) {
        if (shown[c] && widths[c] > (widest > 0 ? widths[widest] : kLeast)) widest = c;
      }
      if (widest == 0) break;
      --widths[widest];
    }
    widths[0] = std::min(widths[0], *width > others() ? *width - others() : kLeast);
  }
  std::string text;
  const auto line = [&](const auto& cell_of) {
    std::string out;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (!shown[c]) continue;
      const std::string cell = CutTo(cell_of(c), widths[c]);
      const std::string fill(widths[c] - DisplayWidth(cell), ' ');
      if (c > 0) out.append(kGap, ' ');
      out += columns_[c].right ? fill + cell : cell + fill;
    }
    text += out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  };
  line([&](size_t c) { return std::string_view(columns_[c].title); });
  for (const auto& row : rows_) line([&](size_t c) { return std::string_view(row[c]); });
  return text;
}

std::optional<size_t> OutputWidth() {
  if (const char* said = std::getenv("COLUMNS"); said != nullptr) {
    size_t columns = 0;
    const auto [end, error] = std::from_chars(said, said + std::strlen(said), columns);
    if (error == std::errc() && *end == '\0' && columns > 0) return columns;
  }
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  if (size.ws_col == 0) return std::nullopt;
  return size.ws_col;
}

}  // namespace graphkiln::cli
