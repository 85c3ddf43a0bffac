// A text table that keeps to a width: the first column is cut with an ellipsis, then columns that
// matter less are left out. Used by `kiln summary`. Pure; columns count by what a terminal shows.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graphkiln::cli {

/// Columns that the text takes on a terminal. REQUIRES: UTF-8.
size_t DisplayWidth(std::string_view text);
/// At most `width` columns of the text; where some is cut, an ellipsis stands in its place.
std::string CutTo(std::string_view text, size_t width);

class FittedTable {
 public:
  struct Column {
    std::string title;
    bool right = false;
    /// Columns of a higher rank are left out first; those of rank 0 stay.
    int rank = 0;
  };

  explicit FittedTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  /// Lines of at most `width` columns, or as wide as they are.
  std::string Text(std::optional<size_t> width) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns of the terminal at stdout; what COLUMNS says where it says something. Nothing where
/// stdout is no terminal.
std::optional<size_t> OutputWidth();

}  // namespace graphkiln::cli
