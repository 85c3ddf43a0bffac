#include "common/tensors/csv_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::tensors {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

absl::Status CsvReader::Error(Position position, std::string_view message) const {
  return absl::InvalidArgumentError(
      fmt::format("{}:{}:{}: {}", name_, position.line, position.column, message));
}

absl::Status CsvReader::ErrorAt(size_t index, std::string_view message) const {
  return Error(positions_[index], message);
}

absl::StatusOr<CsvReader> CsvReader::Open(const std::string& path, const CsvOptions& options) {
  CsvReader reader(path, options);
  reader.file_.reset(std::fopen(path.c_str(), "rbe"));
  if (reader.file_ == nullptr) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot open {}", path));
  }
  struct stat info{};
  if (fstat(fileno(reader.file_.get()), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::ErrnoToStatus(EISDIR, fmt::format("cannot read {}", path));
  }
  RETURN_IF_ERROR(reader.ReadHeader());
  return reader;
}

absl::StatusOr<CsvReader> CsvReader::FromText(std::string text, const std::string& file,
                                              const CsvOptions& options) {
  CsvReader reader(file, options);
  reader.buffer_ = std::move(text);
  reader.at_end_ = true;
  RETURN_IF_ERROR(reader.ReadHeader());
  return reader;
}

absl::Status CsvReader::ReadHeader() {
  RETURN_IF_ERROR(Fill());
  if (buffer_.starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
  ASSIGN_OR_RETURN(const bool found, NextRecord());
  if (!found) return Error({1, 1}, "the file is empty, expected a header line with column names");
  StringSet names;
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (!IsValidUtf8(fields_[i])) return ErrorAt(i, "the column name is not valid UTF-8");
    columns_.emplace_back(fields_[i]);
    if (!fields_[i].empty() && !names.insert(columns_.back()).second) {
      return ErrorAt(i,
                     fmt::format("the column name {} stands twice", QuoteForMessage(fields_[i])));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Next() {
  ASSIGN_OR_RETURN(const bool found, NextRecord());
  if (!found) return false;
  if (fields_.size() != columns_.size()) {
    return ErrorAt(fields_.size() < columns_.size() ? fields_.size() - 1 : columns_.size(),
                   fmt::format("expected {} fields as in the header, found {}", columns_.size(),
                               fields_.size()));
  }
  if (++rows_ > options_.max_rows) {
    return ErrorAt(0, fmt::format("the file has more than {} rows", options_.max_rows));
  }
  return true;
}

// Appends a chunk; what was used is dropped first, so the buffer holds one record and a chunk at
// most.
absl::Status CsvReader::Fill() {
  if (at_end_) return absl::OkStatus();
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kChunk);
  const size_t got = std::fread(buffer_.data() + size, 1, kChunk, file_.get());
  buffer_.resize(size + got);
  if (got < kChunk) {
    if (std::ferror(file_.get()) != 0) {
      return absl::ErrnoToStatus(errno, fmt::format("cannot read {}", name_));
    }
    at_end_ = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::NextRecord() {
  while (true) {
    size_t end = 0;
    ASSIGN_OR_RETURN(const bool found, FindRecord(&end));
    if (!found) return false;
    RETURN_IF_ERROR(SplitRecord(end));
    begin_ = end;
    const bool blank = fields_.size() == 1 && fields_[0].empty();
    if (!blank) return true;
  }
}

// Finds the end of the record at begin_ (past its line break), reading on where necessary. Quotes
// are counted, not judged: inside an odd number of them a line break belongs to a field. `"a"` and
// `"a""b"` have an even number, and a stray quote in a bare field is refused by SplitRecord.
absl::StatusOr<bool> CsvReader::FindRecord(size_t* end) {
  bool quoted = false;
  size_t scanned = 0;  // bytes after begin_
  while (true) {
    for (; begin_ + scanned < buffer_.size(); ++scanned) {
      const char c = buffer_[begin_ + scanned];
      if (c == '"') quoted = !quoted;
      if (c == '\n' && !quoted) {
        *end = begin_ + scanned + 1;
        if (scanned > options_.max_line_bytes) break;
        return true;
      }
      if (scanned > options_.max_line_bytes) break;
    }
    if (scanned > options_.max_line_bytes) {
      return Error({line_, 1},
                   fmt::format("the line is longer than {}{}", HumanBytes(options_.max_line_bytes),
                               quoted ? "; is a quote not closed?" : ""));
    }
    if (at_end_) break;
    RETURN_IF_ERROR(Fill());
  }
  if (scanned == 0) return false;
  *end = buffer_.size();
  return true;
}

// Cuts [begin_, end) into fields. Quoted fields are unescaped in place, which only ever shortens
// them.
absl::Status CsvReader::SplitRecord(size_t end) {
  fields_.clear();
  positions_.clear();
  const size_t past = end;
  if (end > begin_ && buffer_[end - 1] == '\n') --end;
  if (end > begin_ && buffer_[end - 1] == '\r') --end;
  Position pos{line_, 1};
  size_t at = begin_;
  while (true) {
    if (fields_.size() == options_.max_columns) {
      return Error(pos, fmt::format("the line has more than {} fields", options_.max_columns));
    }
    positions_.push_back(pos);
    if (at < end && buffer_[at] == '"') {
      RETURN_IF_ERROR(TakeQuoted(end, &at, &pos));
    } else {
      const size_t start = at;
      while (at < end && buffer_[at] != options_.delimiter) {
        if (buffer_[at] == '"' || buffer_[at] == '\0') {
          pos.column += at - start;
          return Error(pos, buffer_[at] == '"' ? "a quote inside a field that is not quoted"
                                               : "the file holds a zero byte; is it text?");
        }
        ++at;
      }
      fields_.emplace_back(buffer_.data() + start, at - start);
      pos.column += at - start;
    }
    if (at == end) break;
    ++at;  // the delimiter
    ++pos.column;
  }
  line_ = pos.line + (past > end && buffer_[past - 1] == '\n' ? 1 : 0);
  return absl::OkStatus();
}

absl::Status CsvReader::TakeQuoted(size_t end, size_t* at, Position* pos) {
  const Position opened = *pos;
  const size_t start = *at + 1;
  size_t from = start;
  size_t to = start;
  ++pos->column;
  while (true) {
    if (from == end) return Error(opened, "the quoted field is not closed");
    const char c = buffer_[from];
    if (c == '\0') return Error(*pos, "the file holds a zero byte; is it text?");
    if (c == '"') {
      if (from + 1 == end || buffer_[from + 1] != '"') break;
      ++from;  // "" is one quote
      ++pos->column;
    }
    buffer_[to++] = c;
    ++from;
    if (c == '\n') {
      ++pos->line;
      pos->column = 1;
    } else {
      ++pos->column;
    }
  }
  ++from;
  ++pos->column;
  if (from != end && buffer_[from] != options_.delimiter) {
    return Error(*pos, fmt::format("expected {} or the end of the line after the closing quote",
                                   QuoteForMessage(std::string_view(&options_.delimiter, 1))));
  }
  fields_.emplace_back(buffer_.data() + start, to - start);
  *at = from;
  return absl::OkStatus();
}

}  // namespace graphkiln::tensors
