// A fixed number of read connections, lent to one thread each. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/coordinator/core/mutex.h"
#include "services/coordinator/store/sqlite_db.h"

namespace graphkiln::coordinator {

class SqliteReaders {
 public:
  /// A lent connection; goes back when destroyed.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : readers_(other.readers_), db_(std::move(other.db_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (db_ != nullptr) readers_->Return(std::move(db_));
    }
    SqliteDb* operator->() const { return db_.get(); }
    SqliteDb& operator*() const { return *db_; }

   private:
    friend class SqliteReaders;
    Lease(SqliteReaders* readers, std::unique_ptr<SqliteDb> db)
        : readers_(readers), db_(std::move(db)) {}
    SqliteReaders* readers_;
    std::unique_ptr<SqliteDb> db_;
  };

  static absl::StatusOr<std::unique_ptr<SqliteReaders>> Open(const std::string& path, int count);

  /// Waits until a connection is free.
  Lease Take();

 private:
  explicit SqliteReaders(std::vector<std::unique_ptr<SqliteDb>> connections)
      : idle_(std::move(connections)) {}
  void Return(std::unique_ptr<SqliteDb> db);

  Mutex mu_;
  std::condition_variable_any free_;
  std::vector<std::unique_ptr<SqliteDb>> idle_ ABSL_GUARDED_BY(mu_);
};

}  // namespace graphkiln::coordinator
