#include "common/base/random.h"

#include <cmath>
#include <numbers>
#include <random>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/base/hash.h"

namespace graphkiln {
namespace {

constexpr uint32_t kMultiplier0 = 0xd2511f53u;
constexpr uint32_t kMultiplier1 = 0xcd9e8d57u;
constexpr uint32_t kWeyl0 = 0x9e3779b9u;
constexpr uint32_t kWeyl1 = 0xbb67ae85u;
constexpr int kRounds = 10;

class SystemRandomImpl final : public RandomSource {
 public:
  uint64_t NextU64() override {
    absl::MutexLock lock(&mu_);
    const uint64_t high = device_();
    return (high << 32) | device_();
  }

 private:
  absl::Mutex mu_;
  std::random_device device_;
};

}  // namespace

RandomSource& SystemRandom() {
  static SystemRandomImpl* const source = new SystemRandomImpl;
  return *source;
}

Philox::Philox(uint64_t seed, std::string_view purpose) {
  std::string text;
  for (int byte = 0; byte < 8; ++byte) {
    text.push_back(static_cast<char>((seed >> (8 * byte)) & 0xff));
  }
  text.append(purpose);
  const std::array<uint8_t, 32> digest = Sha256Digest(text);
  for (int word = 0; word < 2; ++word) {
    key_[word] = 0;
    for (int byte = 0; byte < 4; ++byte) {
      key_[word] |= static_cast<uint32_t>(digest[word * 4 + byte]) << (8 * byte);
    }
  }
}

std::array<uint32_t, 4> Philox::Block(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    if (round > 0) {
      key[0] += kWeyl0;
      key[1] += kWeyl1;
    }
    const uint64_t product0 = static_cast<uint64_t>(kMultiplier0) * counter[0];
    const uint64_t product1 = static_cast<uint64_t>(kMultiplier1) * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
  }
  return counter;
}

uint32_t Philox::NextU32() {
  if (used_ == 4) {
    words_ = Block(
        {static_cast<uint32_t>(next_block_), static_cast<uint32_t>(next_block_ >> 32), 0, 0}, key_);
    ++next_block_;
    used_ = 0;
  }
  return words_[used_++];
}

uint64_t Philox::NextU64() {
  const uint64_t low = NextU32();
  return low | (static_cast<uint64_t>(NextU32()) << 32);
}

double Philox::NextDouble() { return static_cast<double>(NextU64() >> 11) * 0x1p-53; }

float Philox::NextFloat() { return static_cast<float>(NextU32() >> 8) * 0x1p-24f; }

double Philox::NextNormal() {
  if (has_normal_) {
    has_normal_ = false;
    return normal_;
  }
  const double radius =
      std::sqrt(-2.0 * std::log(1.0 - NextDouble()));  // the argument is in (0, 1]
  const double angle = 2.0 * std::numbers::pi * NextDouble();
  normal_ = radius * std::sin(angle);
  has_normal_ = true;
  return radius * std::cos(angle);
}

uint64_t Philox::NextBelow(uint64_t n) {
  using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(NextU64()) * n;
  if (static_cast<uint64_t>(product) < n) {
    const uint64_t threshold = (0 - n) % n;  // 2^64 mod n
    while (static_cast<uint64_t>(product) < threshold) {
      product = static_cast<Wide>(NextU64()) * n;
    }
  }
  return static_cast<uint64_t>(product >> 64);
}

void Philox::Seek(uint64_t block) {
  next_block_ = block;
  used_ = 4;
  has_normal_ = false;
}

}  // namespace graphkiln
