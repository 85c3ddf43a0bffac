// A vector that is nearly always empty, and takes one word then: for members of small values of
// which there are many.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace graphkiln {

template <class T>
class RareVector {
 public:
  RareVector() = default;
  RareVector(std::initializer_list<T> items) {
    if (items.size() > 0) all_ = std::make_unique<std::vector<T>>(items);
  }
  RareVector(const RareVector& other)
      : all_(other.empty() ? nullptr : std::make_unique<std::vector<T>>(*other.all_)) {}
  RareVector(RareVector&&) noexcept = default;
  RareVector& operator=(RareVector other) noexcept {
    all_.swap(other.all_);
    return *this;
  }

  size_t size() const { return all_ == nullptr ? 0 : all_->size(); }
  bool empty() const { return size() == 0; }
  const T* data() const { return all_ == nullptr ? nullptr : all_->data(); }
  T* data() { return all_ == nullptr ? nullptr : all_->data(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  // REQUIRES: i < size().
  const T& operator[](size_t i) const { return (*all_)[i]; }
  T& operator[](size_t i) { return (*all_)[i]; }

  void push_back(T item) { Own().push_back(std::move(item)); }
  void reserve(size_t count) {
    if (count > 0) Own().reserve(count);
  }
  void resize(size_t count) {
    if (count != size()) Own().resize(count);
  }

  friend bool operator==(const RareVector& a, const RareVector& b) {
    return a.size() == b.size() && (a.empty() || *a.all_ == *b.all_);
  }
  friend bool operator!=(const RareVector& a, const RareVector& b) { return !(a == b); }

 private:
  std::vector<T>& Own() {
    if (all_ == nullptr) all_ = std::make_unique<std::vector<T>>();
    return *all_;
  }

  std::unique_ptr<std::vector<T>> all_;
};

}  // namespace graphkiln
