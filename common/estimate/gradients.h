// The gradients that are alive while backward goes over a program, as PyTorch's engine holds them.
//
// Each value has at most one gradient; several values may share the memory of one (the operands of
// a sum). A second contribution is added in place where nothing else holds the memory, else into
// memory of its own. Used by memory.cc alone. Amounts saturate.
#pragma once

#include <cstdint>
#include <vector>

namespace graphkiln::estimate {

class Gradients {
 public:
  explicit Gradients(size_t values) : of_(values, kNone) {}

  int64_t live() const { return live_; }
  // The most that was alive since the last call.
  int64_t TakePeak();
  bool Has(size_t value) const { return of_[value] != kNone; }

  // What one call's backward adds to the gradients of its operands; made for all of them before any
  // is added. `lasting`: something besides the value holds the memory for good, as a view holds its
  // base.
  void Make(size_t value, int64_t bytes, bool lasting);
  // Likewise, in the memory of the gradient of `source`, which exists.
  void Share(size_t value, size_t source, int64_t bytes, bool lasting);
  // Adds what was made.
  void Add();
  void Release(size_t value);

 private:
  static constexpr int32_t kNone = -1;
  struct Storage {
    int64_t bytes = 0;
    int holders = 0;
    bool lasting = false;
  };
  struct Contribution {
    size_t value;
    int32_t storage;
    int64_t bytes;
  };

  int32_t Allocate(int64_t bytes, bool lasting);
  void Drop(int32_t storage);

  std::vector<int32_t> of_;  // by value
  std::vector<Storage> storages_;
  std::vector<Contribution> made_;
  int64_t live_ = 0;
  int64_t peak_ = 0;
};

}  // namespace graphkiln::estimate
