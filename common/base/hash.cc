#include "common/base/hash.h"

#include <openssl/evp.h>

#include <cstring>
#include <utility>

#include "common/base/status.h"

namespace graphkiln {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// Tables for slicing by 8: row r gives the CRC of a byte followed by r zero bytes.
struct Crc32cTables {
  uint32_t row[8][256];
  constexpr Crc32cTables() : row() {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0x82f63b78u : 0u);
      row[0][byte] = crc;
    }
    for (int r = 1; r < 8; ++r) {
      for (uint32_t byte = 0; byte < 256; ++byte) {
        row[r][byte] = (row[r - 1][byte] >> 8) ^ row[0][row[r - 1][byte] & 0xffu];
      }
    }
  }
};
constexpr Crc32cTables kCrc;

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() { Restart(); }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void Restart() {
    if (EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) != 1) {
      GRAPHKILN_BUG("hash.sha256_init", "OpenSSL has no SHA-256");
    }
  }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

std::array<uint8_t, 32> Sha256::Digest() {
  std::array<uint8_t, 32> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->evp, digest.data(), &size);
  context_->Restart();
  return digest;
}

std::string Sha256::HexDigest() {
  const std::array<uint8_t, 32> digest = Digest();
  return HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.HexDigest();
}

std::array<uint8_t, 32> Sha256Digest(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Digest();
}

std::string HexEncode(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex.push_back(kHexDigits[byte >> 4]);
    hex.push_back(kHexDigits[byte & 15u]);
  }
  return hex;
}

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  crc = ~crc;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, 8);  // little-endian machines only, as everything we ship to
    word ^= crc;
    crc = kCrc.row[7][word & 0xff] ^ kCrc.row[6][(word >> 8) & 0xff] ^
          kCrc.row[5][(word >> 16) & 0xff] ^ kCrc.row[4][(word >> 24) & 0xff] ^
          kCrc.row[3][(word >> 32) & 0xff] ^ kCrc.row[2][(word >> 40) & 0xff] ^
          kCrc.row[1][(word >> 48) & 0xff] ^ kCrc.row[0][word >> 56];
  }
  for (; left > 0; ++at, --left) {
    crc = (crc >> 8) ^ kCrc.row[0][(crc ^ static_cast<unsigned char>(*at)) & 0xffu];
  }
  return ~crc;
}

}  // namespace graphkiln
