#include "common/base/ids.h"

#include <fmt/format.h>

#include <cstddef>

namespace graphkiln {
namespace {

constexpr size_t kMaxResourceId = 63;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string NewUid(RandomSource& random) {
  const uint64_t high = random.NextU64();
  return fmt::format("{:016x}{:016x}", high, random.NextU64());
}

bool IsResourceId(std::string_view text) {
  if (text.empty() || text.size() > kMaxResourceId) return false;
  if (!IsLower(text.front()) || text.back() == '-') return false;
  for (const char c : text) {
    if (!IsLower(c) && !IsDigit(c) && c != '-') return false;
  }
  return true;
}

std::string ToResourceId(std::string_view text) {
  std::string id;
  for (char c : text) {
    if (id.size() == kMaxResourceId) break;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (IsLower(c) || (IsDigit(c) && !id.empty())) {
      id.push_back(c);
    } else if (!id.empty() && id.back() != '-') {
      id.push_back('-');
    }
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id.empty() ? "x" : id;
}

}  // namespace graphkiln
