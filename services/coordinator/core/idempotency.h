// Request ids that were answered, for 24 h. Thread-compatible; the queue's lock guards it. The
// store keeps the same entries.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "services/coordinator/core/journal.h"

namespace graphkiln::coordinator {

class IdempotencyTable {
 public:
  /// Null when nothing was answered under this id, or too long ago.
  const PutIdempotency* Find(std::string_view scope, std::string_view request_id,
                             absl::Time oldest) const;
  /// REQUIRES: not there. Drops like Purge.
  void Add(PutIdempotency entry, absl::Time oldest, size_t most);
  /// Drops entries older than `oldest` and beyond `most`.
  void Purge(absl::Time oldest, size_t most);
  void Remove(std::string_view scope, std::string_view request_id);
  size_t size() const { return entries_.size(); }

 private:
  static std::string Key(std::string_view scope, std::string_view request_id);
  absl::flat_hash_map<std::string, PutIdempotency> entries_;
  std::deque<std::pair<absl::Time, std::string>> order_;
};

}  // namespace graphkiln::coordinator
