// A value on the heap that copies share until one of them is changed: for what is large or rare
// inside of small values that are copied often. As safe between threads as a plain value.
#pragma once

#include <atomic>
#include <utility>

namespace graphkiln {

template <class T>
class Boxed {
 public:
  explicit Boxed(T value) : box_(new Box(std::move(value))) {}
  Boxed(const Boxed& other) : box_(other.box_) {
    if (box_ != nullptr) box_->uses.fetch_add(1, std::memory_order_relaxed);
  }
  Boxed(Boxed&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  Boxed& operator=(Boxed other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~Boxed() { Release(); }

  // REQUIRES, as for all below: not moved from.
  const T& operator*() const { return box_->value; }
  // To be changed: a copy of its own where others share the value.
  T& Mutable() {
    if (box_->uses.load(std::memory_order_acquire) != 1) *this = Boxed(box_->value);
    return box_->value;
  }

 private:
  struct Box {
    explicit Box(T v) : value(std::move(v)) {}
    std::atomic<int> uses{1};
    T value;
  };

  void Release() {
    if (box_ != nullptr && box_->uses.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;
  }

  Box* box_;
};

}  // namespace graphkiln
