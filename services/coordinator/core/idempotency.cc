#include "services/coordinator/core/idempotency.h"

#include <fmt/format.h>

#include <utility>

namespace graphkiln::coordinator {

std::string IdempotencyTable::Key(std::string_view scope, std::string_view request_id) {
  return fmt::format("{}\n{}", scope, request_id);
}

const PutIdempotency* IdempotencyTable::Find(std::string_view scope, std::string_view request_id,
                                             absl::Time oldest) const {
  const auto it = entries_.find(Key(scope, request_id));
  return it == entries_.end() || it->second.time < oldest ? nullptr : &it->second;
}

void IdempotencyTable::Add(PutIdempotency entry, absl::Time oldest, size_t most) {
  std::string key = Key(entry.scope, entry.request_id);
  order_.emplace_back(entry.time, key);
  entries_[std::move(key)] = std::move(entry);
  Purge(oldest, most);
}

void IdempotencyTable::Purge(absl::Time oldest, size_t most) {
  while (!order_.empty() && (order_.front().first < oldest || entries_.size() > most)) {
    const auto it = entries_.find(order_.front().second);
    // An id may have been used again after its time; only the entry of this time goes.
    if (it != entries_.end() && it->second.time == order_.front().first) entries_.erase(it);
    order_.pop_front();
  }
}

void IdempotencyTable::Remove(std::string_view scope, std::string_view request_id) {
  entries_.erase(Key(scope, request_id));
}

}  // namespace graphkiln::coordinator
