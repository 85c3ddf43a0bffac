// Randomness: a source for ids (not reproducible) and Philox for everything that must be
// reproducible (initial weights, shuffles, splits, synthetic data).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/types/span.h"

namespace graphkiln {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual uint64_t NextU64() = 0;
};

/// The operating system's random numbers, for ids. Thread-safe.
RandomSource& SystemRandom();

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011): a counter-based generator, so any position is reached at once and equal on every machine.
///
/// Stream: key = the first 8 bytes (little-endian, low word first) of SHA-256(seed as 8
/// little-endian bytes, then `purpose`); block b = Philox(key, counter (low(b), high(b), 0, 0))
/// gives four 32-bit words, used in order. Different purposes under one seed are independent
/// streams. The meaning of every method is part of the stored results of users: it never changes.
/// Thread-compatible.
class Philox final : public RandomSource {
 public:
  Philox(uint64_t seed, std::string_view purpose);

  uint32_t NextU32();
  /// Two words, the first is the low half.
  uint64_t NextU64() override;
  /// In [0, 1): 53 bits of NextU64.
  double NextDouble();
  /// In [0, 1): 24 bits of NextU32.
  float NextFloat();
  /// Standard normal by Box-Muller on two NextDouble; the second value of each pair is kept for the
  /// next call.
  double NextNormal();
  /// Uniform in [0, n) without bias (Lemire's multiplication with rejection). REQUIRES: n > 0.
  uint64_t NextBelow(uint64_t n);

  /// Fisher-Yates from the last element down, one NextBelow each. `Container` has size() and [].
  template <class Container>
  void Shuffle(Container&& items) {
    for (size_t i = items.size(); i > 1; --i) {
      using std::swap;
      swap(items[i - 1], items[static_cast<size_t>(NextBelow(i))]);
    }
  }

  /// Continues with block `block` (four 32-bit words each) and forgets a kept normal.
  void Seek(uint64_t block);

  /// The raw block function, for tests against the published vectors.
  static std::array<uint32_t, 4> Block(std::array<uint32_t, 4> counter,
                                       std::array<uint32_t, 2> key);

 private:
  std::array<uint32_t, 2> key_;
  uint64_t next_block_ = 0;
  std::array<uint32_t, 4> words_{};
  int used_ = 4;
  bool has_normal_ = false;
  double normal_ = 0.0;
};

}  // namespace graphkiln
