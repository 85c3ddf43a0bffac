// SHA-256: content addresses of graphs, artifacts and caches.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace graphkiln {

/// Incremental SHA-256. Thread-compatible. After a digest was taken, further updates start afresh.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view bytes);
  std::array<uint8_t, 32> Digest();
  std::string HexDigest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(std::string_view bytes);
std::array<uint8_t, 32> Sha256Digest(std::string_view bytes);

/// Lower-case hex of any bytes.
std::string HexEncode(std::string_view bytes);

/// CRC-32C (Castagnoli), for the records of containers.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace graphkiln
