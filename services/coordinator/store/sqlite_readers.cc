#include "services/coordinator/store/sqlite_readers.h"

#include <algorithm>

#include "common/base/status.h"

namespace graphkiln::coordinator {

absl::StatusOr<std::unique_ptr<SqliteReaders>> SqliteReaders::Open(const std::string& path,
                                                                   int count) {
  std::vector<std::unique_ptr<SqliteDb>> connections;
  for (int i = 0; i < std::max(count, 1); ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<SqliteDb> db, SqliteDb::Open(path, /*read_only=*/true));
    connections.push_back(std::move(db));
  }
  return std::unique_ptr<SqliteReaders>(new SqliteReaders(std::move(connections)));
}

SqliteReaders::Lease SqliteReaders::Take() {
  MutexLock lock(&mu_);
  while (idle_.empty()) free_.wait(mu_);
  std::unique_ptr<SqliteDb> db = std::move(idle_.back());
  idle_.pop_back();
  return Lease(this, std::move(db));
}

void SqliteReaders::Return(std::unique_ptr<SqliteDb> db) {
  MutexLock lock(&mu_);
  idle_.push_back(std::move(db));
  free_.notify_one();
}

}  // namespace graphkiln::coordinator
