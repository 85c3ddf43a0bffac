#include "common/tensors/csv_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::tensors {
namespace {

enum class Parse { kOk, kNoNumber, kOutOfRange };

std::string_view WithoutPlus(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

Parse ParseDouble(std::string_view cell, double* value) {
  const std::string_view text = WithoutPlus(TrimView(cell));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return Parse::kNoNumber;
  }
  if (error == std::errc()) return Parse::kOk;
  // from_chars does not tell too large from too small; the latter is zero like any other rounding.
  *value = std::strtod(std::string(text).c_str(), nullptr);
  return std::isinf(*value) ? Parse::kOutOfRange : Parse::kOk;
}

// Whole numbers, also spelled as "3.0" (as pandas does for columns that once had gaps).
Parse ParseInt(std::string_view cell, int64_t* value) {
  const std::string_view text = WithoutPlus(TrimView(cell));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (end == text.data() + text.size() && error != std::errc::invalid_argument) {
    return error == std::errc() ? Parse::kOk : Parse::kOutOfRange;
  }
  constexpr double kExact = 9007199254740992.0;  // 2^53
  double number = 0;
  if (ParseDouble(cell, &number) != Parse::kOk || std::trunc(number) != number ||
      std::abs(number) > kExact) {
    return Parse::kNoNumber;
  }
  *value = static_cast<int64_t>(number);
  return Parse::kOk;
}

bool IsNanText(std::string_view cell) {
  std::string_view text = TrimView(cell);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::string lower = ToLowerAscii(text);
  return lower == "nan" || lower == "na" || lower == "n/a" || lower == "null" || lower == "none";
}

constexpr uint64_t kCellsPerPoll = 1 << 16;

// Cells that cannot be used: the file is read to its end, so that all are told at once.
class BadCells {
 public:
  void Add(const CsvReader& reader, size_t index, std::string_view problem) {
    if (count_ == 0) first_ = reader.ErrorAt(index, problem);
    if (count_ > 0 && count_ < kShown) {
      const CsvReader::Position position = reader.PositionOf(index);
      others_ +=
          fmt::format("{}{}:{}", others_.empty() ? "" : ", ", position.line, position.column);
    }
    ++count_;
  }

  absl::Status status() const {
    if (count_ < 2) return first_;
    return absl::InvalidArgumentError(fmt::format("{}; more bad cells at {}{}; {} in all",
                                                  MessageOf(first_), others_,
                                                  count_ > kShown ? ", ..." : "", count_));
  }

 private:
  static constexpr uint64_t kShown = 10;
  uint64_t count_ = 0;
  absl::Status first_;
  std::string others_;
};

// Labels of one column while they are read: each distinct text has a number in order of appearance.
class ClassColumn {
 public:
  ClassColumn(std::string name, size_t index) : index_(index) { result_.column = std::move(name); }

  // The status is for what ends the reading at once.
  absl::Status Add(const CsvReader& reader, uint64_t max_classes, BadCells* bad) {
    const std::string_view cell = TrimView(reader.fields()[index_]);
    const auto describe = [&](std::string_view problem) {
      return fmt::format("column {}: {}, found {}", QuoteForMessage(result_.column), problem,
                         QuoteForMessage(cell));
    };
    const auto refuse = [&](std::string_view problem) {
      bad->Add(reader, index_, describe(problem));
      return absl::OkStatus();
    };
    auto found = numbers_.find(cell);
    if (found == numbers_.end()) {
      if (cell.empty()) return refuse("expected a class label");
      if (IsNanText(cell)) return refuse("expected a class label, not a missing value");
      if (!IsValidUtf8(cell)) return refuse("the label is not valid UTF-8");
      if (texts_.size() == max_classes) {
        return reader.ErrorAt(index_,
                              describe(fmt::format("more than {} different labels", max_classes)));
      }
      found = numbers_.emplace(cell, static_cast<int64_t>(texts_.size())).first;
      texts_.push_back(found->first);
      positions_.push_back(reader.PositionOf(index_));
    }
    result_.values.push_back(found->second);
    return absl::OkStatus();
  }

  absl::StatusOr<CsvClasses> Finish(const std::string& file) && {
    std::vector<int64_t> index_of(texts_.size());
    if (AllWhole(&index_of)) {
      for (size_t i = 0; i < index_of.size(); ++i) {
        if (index_of[i] < 0) {
          return absl::InvalidArgumentError(
              fmt::format("{}:{}:{}: column {}: a class label cannot be negative, found {}", file,
                          positions_[i].line, positions_[i].column, QuoteForMessage(result_.column),
                          index_of[i]));
        }
      }
    } else {
      std::vector<size_t> order(texts_.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::sort(order.begin(), order.end(),
                [&](size_t a, size_t b) { return texts_[a] < texts_[b]; });
      for (size_t place = 0; place < order.size(); ++place) {
        index_of[order[place]] = static_cast<int64_t>(place);
        result_.names.push_back(texts_[order[place]]);
      }
    }
    for (size_t i = 0; i < index_of.size(); ++i) {
      if (i == 0 || index_of[i] < result_.smallest) result_.smallest = index_of[i];
      if (index_of[i] > result_.largest) {
        result_.largest = index_of[i];
        result_.largest_position = positions_[i];
      }
    }
    for (int64_t& value : result_.values) value = index_of[static_cast<size_t>(value)];
    return std::move(result_);
  }

 private:
  bool AllWhole(std::vector<int64_t>* values) const {
    for (size_t i = 0; i < texts_.size(); ++i) {
      if (ParseInt(texts_[i], &(*values)[i]) != Parse::kOk) return false;
    }
    return true;
  }

  size_t index_;
  CsvClasses result_;
  StringMap<int64_t> numbers_;
  std::vector<std::string> texts_;
  std::vector<CsvReader::Position> positions_;  // first use of each text
};

// One group while it is read.
class NumberColumns {
 public:
  NumberColumns(const std::vector<std::string>& header, std::vector<size_t> indices, DType dtype,
                bool allow_non_finite)
      : indices_(std::move(indices)), allow_non_finite_(allow_non_finite) {
    matrix_.dtype = dtype;
    for (const size_t index : indices_) matrix_.columns.push_back(header[index]);
  }

  size_t width() const { return indices_.size(); }

  void Add(const CsvReader& reader, BadCells* bad) {
    for (size_t i = 0; i < indices_.size(); ++i) {
      const std::string_view cell = reader.fields()[indices_[i]];
      const std::string_view wanted = matrix_.dtype == DType::kF32 ? AddFloat(cell) : AddInt(cell);
      if (wanted.empty()) continue;
      const std::string found = TrimView(cell).empty() ? "an empty cell" : QuoteForMessage(cell);
      bad->Add(reader, indices_[i],
               fmt::format("column {}: expected {}, found {}", QuoteForMessage(matrix_.columns[i]),
                           wanted, found));
    }
  }

  CsvMatrix Finish() && { return std::move(matrix_); }

 private:
  // What was expected; empty where the cell is it.
  std::string_view AddFloat(std::string_view cell) {
    double value = 0;
    const Parse parse = ParseDouble(cell, &value);
    if (parse == Parse::kNoNumber) return "a number";
    const auto narrow = static_cast<float>(value);
    if (parse == Parse::kOutOfRange || (std::isinf(narrow) && !std::isinf(value))) {
      return "a number that float32 can hold";
    }
    if (!allow_non_finite_ && !std::isfinite(narrow)) return "a finite number";
    matrix_.floats.push_back(narrow);
    return "";
  }

  std::string_view AddInt(std::string_view cell) {
    int64_t value = 0;
    if (ParseInt(cell, &value) != Parse::kOk) return "a whole number";
    matrix_.ints.push_back(value);
    return "";
  }

  std::vector<size_t> indices_;
  bool allow_non_finite_;
  CsvMatrix matrix_;
};

absl::Status UnknownColumn(const std::vector<std::string>& header, const std::string& name) {
  if (const std::string hint = SeparatorHint(header); !hint.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("there is no column {}{}", QuoteForMessage(name), hint));
  }
  const std::optional<std::string> nearest = NearestName(name, header);
  return absl::InvalidArgumentError(
      fmt::format("there is no column {}{}", QuoteForMessage(name),
                  nearest ? fmt::format("; did you mean {}?", QuoteForMessage(*nearest)) : ""));
}

}  // namespace

absl::StatusOr<std::vector<size_t>> SelectColumns(const std::vector<std::string>& header,
                                                  absl::Span<const std::string> patterns,
                                                  absl::Span<const std::string> no_glob) {
  std::vector<size_t> selected;
  std::vector<bool> taken(header.size(), false);
  const auto take = [&](size_t i) {
    if (!taken[i]) selected.push_back(i);
    taken[i] = true;
  };
  const auto excluded = [&](const std::string& name) {
    return name.empty() || std::find(no_glob.begin(), no_glob.end(), name) != no_glob.end();
  };
  for (const std::string& pattern : patterns) {
    const auto exact = std::find(header.begin(), header.end(), pattern);
    if (exact != header.end() && !pattern.empty()) {
      take(static_cast<size_t>(exact - header.begin()));
      continue;
    }
    if (pattern.find_first_of("*?") == std::string::npos) return UnknownColumn(header, pattern);
    bool matched = false;
    for (size_t i = 0; i < header.size(); ++i) {
      if (excluded(header[i]) || !GlobMatch(pattern, header[i])) continue;
      take(i);
      matched = true;
    }
    if (!matched) {
      return absl::InvalidArgumentError(
          fmt::format("no column matches {}{}", QuoteForMessage(pattern), SeparatorHint(header)));
    }
  }
  return selected;
}

std::string SeparatorHint(const std::vector<std::string>& header) {
  if (header.size() != 1) return "";
  for (const auto& [separator, name] :
       {std::pair{';', "semicolons"}, std::pair{'\t', "tabs"}, std::pair{'|', "bars"}}) {
    if (header[0].find(separator) == std::string::npos) continue;
    return fmt::format("; the file seems to be separated by {}, it must be by commas", name);
  }
  return "";
}

std::string FirstClassHint(const CsvClasses& classes) {
  if (!classes.names.empty() || classes.smallest < 1) return "";
  return fmt::format("; class labels that are numbers start at 0, these start at {}",
                     classes.smallest);
}

absl::StatusOr<CsvTable> ReadCsv(const std::string& path, const CsvRequest& request,
                                 const CsvOptions& options) {
  ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open(path, options));
  return ReadCsv(std::move(reader), path, request, options);
}

absl::StatusOr<CsvTable> ReadCsv(CsvReader reader, const std::string& file,
                                 const CsvRequest& request, const CsvOptions& options) {
  const std::string header_position = fmt::format("{}:1:1", file);
  std::vector<NumberColumns> groups;
  std::vector<ClassColumn> classes;
  uint64_t width = request.classes.size();
  for (const CsvGroup& group : request.groups) {
    if (group.dtype != DType::kF32 && group.dtype != DType::kI64) {
      return absl::InvalidArgumentError("columns are read as F32 or I64 only");
    }
    absl::StatusOr<std::vector<size_t>> indices =
        SelectColumns(reader.columns(), group.columns, request.no_glob);
    if (!indices.ok()) return Annotate(indices.status(), header_position);
    groups.emplace_back(reader.columns(), *std::move(indices), group.dtype,
                        request.allow_non_finite);
    width += groups.back().width();
  }
  for (const std::string& name : request.classes) {
    const auto found = std::find(reader.columns().begin(), reader.columns().end(), name);
    if (found == reader.columns().end()) {
      return Annotate(UnknownColumn(reader.columns(), name), header_position);
    }
    classes.emplace_back(name, static_cast<size_t>(found - reader.columns().begin()));
  }
  BadCells bad;
  uint64_t unpolled = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) break;
    if (reader.rows() * width > options.max_values) {
      return reader.ErrorAt(0, fmt::format("more than {} values", options.max_values));
    }
    unpolled += width;
    if (unpolled >= kCellsPerPoll && options.interrupted) {
      if (options.interrupted()) return absl::CancelledError("interrupted");
      unpolled = 0;
    }
    for (NumberColumns& group : groups) group.Add(reader, &bad);
    for (ClassColumn& column : classes) {
      RETURN_IF_ERROR(column.Add(reader, options.max_classes, &bad));
    }
  }
  RETURN_IF_ERROR(bad.status());
  if (reader.rows() == 0) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the file has a header but no rows", header_position));
  }
  CsvTable table;
  table.rows = static_cast<int64_t>(reader.rows());
  for (NumberColumns& group : groups) table.groups.push_back(std::move(group).Finish());
  for (ClassColumn& column : classes) {
    ASSIGN_OR_RETURN(CsvClasses labels, std::move(column).Finish(file));
    table.classes.push_back(std::move(labels));
  }
  return table;
}

}  // namespace graphkiln::tensors
