// A bounded cache: least recently used entries go first. Thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/strings.h"

namespace graphkiln::coordinator {

template <class T>
class LruCache {
 public:
  LruCache(size_t most_entries, size_t most_bytes)
      : most_entries_(most_entries), most_bytes_(most_bytes) {}

  /// Null where there is none.
  std::shared_ptr<const T> Get(std::string_view key) {
    std::lock_guard lock(mu_);
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, it->second);
    return it->second->value;
  }

  /// Replaces. An entry larger than the whole cache is not kept.
  void Put(std::string key, std::shared_ptr<const T> value, size_t bytes) {
    std::list<Entry> dropped;  // destroyed without the lock
    std::lock_guard lock(mu_);
    if (const auto it = by_key_.find(key); it != by_key_.end()) Drop(it->second, dropped);
    if (bytes > most_bytes_) return;
    entries_.push_front({key, std::move(value), bytes});
    by_key_[std::move(key)] = entries_.begin();
    bytes_ += bytes;
    while (entries_.size() > most_entries_ || bytes_ > most_bytes_) {
      Drop(std::prev(entries_.end()), dropped);
    }
  }

  size_t size() {
    std::lock_guard lock(mu_);
    return entries_.size();
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const T> value;
    size_t bytes;
  };
  using Position = typename std::list<Entry>::iterator;

  void Drop(Position entry, std::list<Entry>& dropped) {
    bytes_ -= entry->bytes;
    by_key_.erase(entry->key);
    dropped.splice(dropped.begin(), entries_, entry);
  }

  const size_t most_entries_;
  const size_t most_bytes_;
  std::mutex mu_;
  std::list<Entry> entries_;    // most recent first; guarded by mu_
  StringMap<Position> by_key_;  // guarded by mu_
  size_t bytes_ = 0;            // guarded by mu_
};

}  // namespace graphkiln::coordinator
