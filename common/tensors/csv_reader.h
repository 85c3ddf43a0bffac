// CSV text as a stream of records (RFC 4180) in bounded memory, with positions for messages.
//
//   ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open("iris.csv", CsvOptions()));
//   while (true) {
//     ASSIGN_OR_RETURN(const bool more, reader.Next());
//     if (!more) break;
//     Use(reader.fields());
//   }
//
// The first record is the header. Blank lines are skipped, CRLF and LF both end a line, a UTF-8
// byte order mark is ignored. Errors are InvalidArgument "file:line:column: ...".
// Thread-compatible.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace graphkiln::tensors {

struct CsvOptions {
  char delimiter = ',';
  uint64_t max_line_bytes = 1 << 20;  // of a record, when quoted fields span lines
  uint64_t max_columns = 100'000;
  uint64_t max_rows = 100'000'000;
  uint64_t max_values = 1ull << 30;  // cells kept by ReadCsv
  uint64_t max_classes = 1'000'000;  // distinct texts in a class column
  /// Asked every few thousand cells by ReadCsv; true ends it with Cancelled. May be empty.
  std::function<bool()> interrupted;
};

class CsvReader {
 public:
  /// Opens the file and reads the header, whose names must be unique where they are not empty.
  static absl::StatusOr<CsvReader> Open(const std::string& path, const CsvOptions& options);
  /// Reads from memory; `file` names the text in errors.
  static absl::StatusOr<CsvReader> FromText(std::string text, const std::string& file,
                                            const CsvOptions& options);

  const std::vector<std::string>& columns() const { return columns_; }

  /// Reads the next record; false at the end. A record has exactly as many fields as the header.
  absl::StatusOr<bool> Next();

  /// Of the current record; valid until the next call of Next().
  const std::vector<std::string_view>& fields() const { return fields_; }
  /// Rows read so far, the header not counted.
  uint64_t rows() const { return rows_; }

  /// InvalidArgument at field `index` of the current record.
  absl::Status ErrorAt(size_t index, std::string_view message) const;

  struct Position {
    uint64_t line = 1;
    uint64_t column = 1;  // in bytes
  };
  Position PositionOf(size_t index) const { return positions_[index]; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  CsvReader(std::string name, const CsvOptions& options)
      : name_(std::move(name)), options_(options) {}

  absl::Status ReadHeader();
  absl::StatusOr<bool> NextRecord();
  absl::Status Fill();
  absl::StatusOr<bool> FindRecord(size_t* end);
  absl::Status SplitRecord(size_t end);
  absl::Status TakeQuoted(size_t end, size_t* at, Position* pos);
  absl::Status Error(Position position, std::string_view message) const;

  std::string name_;
  CsvOptions options_;
  std::unique_ptr<std::FILE, CloseFile> file_;  // null when reading from memory
  std::string buffer_;
  size_t begin_ = 0;  // of the bytes not yet used
  bool at_end_ = false;
  uint64_t line_ = 1;
  uint64_t rows_ = 0;
  std::vector<std::string> columns_;
  std::vector<std::string_view> fields_;
  std::vector<Position> positions_;
};

}  // namespace graphkiln::tensors
