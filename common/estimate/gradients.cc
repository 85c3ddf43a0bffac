#include "common/estimate/gradients.h"

#include <algorithm>

#include "common/estimate/sizes.h"

namespace graphkiln::estimate {

int64_t Gradients::TakePeak() {
  const int64_t peak = peak_;
  peak_ = live_;
  return peak;
}

int32_t Gradients::Allocate(int64_t bytes, bool lasting) {
  storages_.push_back({bytes, 1, lasting});
  live_ = Plus(live_, bytes);
  peak_ = std::max(peak_, live_);
  return static_cast<int32_t>(storages_.size()) - 1;
}

void Gradients::Drop(int32_t storage) {
  Storage& s = storages_[static_cast<size_t>(storage)];
  if (--s.holders == 0) live_ -= s.bytes;
}

void Gradients::Make(size_t value, int64_t bytes, bool lasting) {
  made_.push_back({value, Allocate(bytes, lasting), bytes});
}

void Gradients::Share(size_t value, size_t source, int64_t bytes, bool lasting) {
  const int32_t storage = of_[source];
  Storage& s = storages_[static_cast<size_t>(storage)];
  ++s.holders;
  s.lasting = s.lasting || lasting;
  made_.push_back({value, storage, bytes});
}

void Gradients::Add() {
  for (const Contribution& made : made_) {
    const int32_t old = of_[made.value];
    if (old == kNone) {
      of_[made.value] = made.storage;
      continue;
    }
    const Storage& held = storages_[static_cast<size_t>(old)];
    if (held.holders > 1 || held.lasting) {
      of_[made.value] = Allocate(made.bytes, false);
      Drop(old);
    }
    Drop(made.storage);
  }
  made_.clear();
}

void Gradients::Release(size_t value) {
  if (of_[value] == kNone) return;
  Drop(of_[value]);
  of_[value] = kNone;
}

}  // namespace graphkiln::estimate
