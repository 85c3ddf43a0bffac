// A thin, exception-free layer over sqlite3's C API: a connection, a statement, one place that
// turns result codes into absl::Status. Thread-compatible: a connection and its statements belong
// to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace graphkiln::coordinator {

/// True for errors of the storage itself (full, read-only, I/O): the same write may succeed later.
bool IsStorageFailure(const absl::Status& status);

class SqliteDb;

/// A prepared statement. Bind from 1, Step until it returns false, read columns from 0.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement();

  SqliteStatement& Bind(int index, int64_t value);
  /// The bytes must live until the statement is reset.
  SqliteStatement& BindText(int index, std::string_view text);
  SqliteStatement& BindBlob(int index, std::string_view bytes);

  /// True: a row is there. False: done.
  absl::StatusOr<bool> Step();
  /// Runs to the end, then resets. The number of rows that changed.
  absl::StatusOr<int64_t> Run();
  void Reset();

  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string_view Text(int column) const;
  std::string_view Blob(int column) const;

 private:
  friend class SqliteDb;
  SqliteStatement(SqliteDb* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  SqliteDb* db_;
  sqlite3_stmt* statement_;
  absl::Status bind_error_;
};

class SqliteDb {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteDb>> Open(const std::string& path, bool read_only);
  ~SqliteDb();
  SqliteDb(const SqliteDb&) = delete;
  SqliteDb& operator=(const SqliteDb&) = delete;

  /// Statements without results, separated by semicolons.
  absl::Status Exec(const char* sql);
  /// Prepared once per text and kept; reset and ready to bind. `sql` must be a literal.
  absl::StatusOr<SqliteStatement*> Prepare(const char* sql);
  int64_t changes() const { return sqlite3_changes64(db_); }
  int64_t last_insert_id() const { return sqlite3_last_insert_rowid(db_); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  absl::Status Error(int code, std::string_view what) const;

 private:
  explicit SqliteDb(sqlite3* db) : db_(db) {}
  sqlite3* db_;
  std::map<const char*, std::unique_ptr<SqliteStatement>> statements_;
};

/// Rolls back at the end of the block unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteDb* db) : db_(db) {}
  ~SqliteTransaction();
  absl::Status Begin();
  absl::Status Commit();

 private:
  SqliteDb* db_;
  bool open_ = false;
};

}  // namespace graphkiln::coordinator
