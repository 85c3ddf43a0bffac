#include "services/coordinator/core/token.h"

#include <array>
#include <cstring>

#include "absl/strings/escaping.h"
#include "common/base/hash.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

constexpr char kVersion = 1;
constexpr size_t kTagBytes = 16;
constexpr size_t kMostTokenBytes = 1024;
constexpr size_t kBlockBytes = 64;
constexpr size_t kUidBytes = 32;

void AppendU64(std::string& out, uint64_t value) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t ReadU64(std::string_view bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[static_cast<size_t>(i)]);
  }
  return value;
}

std::string_view AsBytes(const std::array<uint8_t, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string HmacSha256(std::string_view key, std::string_view message) {
  std::string block(key);
  if (block.size() > kBlockBytes) block = std::string(AsBytes(Sha256Digest(key)));
  block.resize(kBlockBytes, '\0');
  std::string inner(block);
  std::string outer(block);
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  inner.append(message);
  outer.append(AsBytes(Sha256Digest(inner)));
  return std::string(AsBytes(Sha256Digest(outer)));
}

std::string TokenSealer::Tag(std::string_view purpose, std::string_view payload) const {
  std::string message;
  AppendU64(message, purpose.size());
  message.append(purpose);
  message.append(payload);
  return HmacSha256(key_, message).substr(0, kTagBytes);
}

std::string TokenSealer::Seal(std::string_view purpose, std::string_view payload) const {
  std::string raw(1, kVersion);
  raw.append(payload);
  raw.append(Tag(purpose, payload));
  return absl::WebSafeBase64Escape(raw);
}

absl::StatusOr<std::string> TokenSealer::Open(std::string_view purpose,
                                              std::string_view token) const {
  constexpr std::string_view kRefused = "the token is not one that this server has issued for this";
  std::string raw;
  if (token.size() > kMostTokenBytes ||
      !absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &raw) ||
      raw.size() < 1 + kTagBytes || raw[0] != kVersion) {
    return TokenError(kRefused);
  }
  const std::string_view payload = std::string_view(raw).substr(1, raw.size() - 1 - kTagBytes);
  const std::string tag = Tag(purpose, payload);
  // Constant time: the tag must not be found byte by byte.
  unsigned char difference = 0;
  for (size_t i = 0; i < kTagBytes; ++i) {
    difference =
        static_cast<unsigned char>(difference | (tag[i] ^ raw[raw.size() - kTagBytes + i]));
  }
  if (difference != 0) return TokenError(kRefused);
  return std::string(payload);
}

std::string SealResume(const TokenSealer& sealer, const ResumePosition& position) {
  std::string payload;
  AppendU64(payload, position.log_generation);
  AppendU64(payload, static_cast<uint64_t>(position.seq));
  payload.append(position.job_uid);
  return sealer.Seal("resume", payload);
}

absl::StatusOr<ResumePosition> OpenResume(const TokenSealer& sealer, std::string_view token) {
  absl::StatusOr<std::string> payload = sealer.Open("resume", token);
  if (!payload.ok()) return payload.status();
  if (payload->size() != 16 + kUidBytes) return TokenError("the resume token is malformed");
  ResumePosition position;
  position.log_generation = ReadU64(std::string_view(*payload).substr(0, 8));
  position.seq = static_cast<int64_t>(ReadU64(std::string_view(*payload).substr(8, 8)));
  position.job_uid = payload->substr(16);
  return position;
}

}  // namespace graphkiln::coordinator
