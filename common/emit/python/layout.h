// Writes Python line by line and breaks long lines as black does (88 columns), so that generated
// files need no formatter.
//
// Called by the Python emitter, which writes statements of calls, sums, tuples, lists and dicts;
// names and literals hold ASCII only. Not thread-safe; one writer per file or class.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace graphkiln::emit::python {

class CodeWriter {
 public:
  // One statement; `indent` counts blanks. The comment stands behind the statement where the line
  // has room, above it otherwise.
  void Line(int indent, std::string_view code, std::string_view comment = "");
  // `comment` must be free of line breaks (names.h).
  void Comment(int indent, std::string_view comment);
  void Blank(int count = 1) { out_.append(static_cast<size_t>(count), '\n'); }
  void Raw(std::string_view text) { out_ += text; }

  const std::string& text() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void Emit(int indent, std::string_view code);
  // A statement or an item that is too long for its line.
  void Break(int indent, std::string_view head, std::string_view expression, std::string_view tail,
             bool statement);
  // What stands between brackets.
  void Body(int indent, std::string_view body, bool literal);
  void Operands(int indent, std::string_view expression, std::string_view tail);

  std::string out_;
};

}  // namespace graphkiln::emit::python
