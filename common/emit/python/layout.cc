#include "common/emit/python/layout.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace graphkiln::emit::python {
namespace {

constexpr size_t kWidth = 88;

bool Fits(int indent, std::string_view code) {
  return static_cast<size_t>(indent) + code.size() <= kWidth;
}

// Calls `visit(position, depth)` for each character outside of strings; brackets count as inside
// themselves.
template <class F>
void Scan(std::string_view text, F&& visit) {
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
      continue;
    }
    if (c == '"' || c == '\'') {
      quote = c;
      continue;
    }
    if (c == '(' || c == '[' || c == '{') ++depth;
    visit(i, depth);
    if (c == ')' || c == ']' || c == '}') --depth;
  }
}

// Items between the commas of the outermost level.
std::vector<std::string_view> Items(std::string_view body) {
  std::vector<std::string_view> items;
  size_t start = 0;
  const auto add = [&](size_t end) {
    while (start < end && body[start] == ' ') ++start;
    if (end > start) items.push_back(body.substr(start, end - start));
  };
  Scan(body, [&](size_t i, int depth) {
    if (depth > 0 || body[i] != ',') return;
    add(i);
    start = i + 1;
  });
  add(body.size());
  return items;
}

// Positions of binary operators (`a + b`) on the outermost level.
std::vector<size_t> Operators(std::string_view expression) {
  std::vector<size_t> at;
  Scan(expression, [&](size_t i, int depth) {
    if (depth > 0 || i == 0 || i + 1 >= expression.size()) return;
    const char c = expression[i];
    if ((c == '+' || c == '*') && expression[i - 1] == ' ' && expression[i + 1] == ' ')
      at.push_back(i);
  });
  return at;
}

// Where the last bracket of the outermost level opens, provided that the text ends with its
// partner.
size_t LastBracket(std::string_view expression) {
  size_t open = std::string_view::npos;
  size_t close = std::string_view::npos;
  Scan(expression, [&](size_t i, int depth) {
    if (depth != 1) return;
    const char c = expression[i];
    if (c == '(' || c == '[' || c == '{') open = i;
    if (c == ')' || c == ']' || c == '}') close = i;
  });
  return close != std::string_view::npos && close + 1 == expression.size() ? open
                                                                           : std::string_view::npos;
}

size_t Widest(std::string_view lines) {
  size_t widest = 0;
  size_t start = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] != '\n') continue;
    widest = std::max(widest, i - start);
    start = i + 1;
  }
  return widest;
}

// Where the right-hand side of a statement starts.
size_t RightHandSide(std::string_view code) {
  if (code.rfind("return ", 0) == 0) return 7;
  size_t at = 0;
  Scan(code, [&](size_t i, int depth) {
    if (at == 0 && depth == 0 && code[i] == '=' && i > 0 && code[i - 1] == ' ') at = i + 2;
  });
  return at;
}

std::string Concat(std::string_view a, std::string_view b, std::string_view c = "") {
  std::string out(a);
  out += b;
  out += c;
  return out;
}

}  // namespace

void CodeWriter::Emit(int indent, std::string_view code) {
  out_.append(static_cast<size_t>(indent), ' ');
  out_ += code;
  out_ += '\n';
}

void CodeWriter::Comment(int indent, std::string_view comment) {
  Emit(indent, Concat("# ", comment));
}

void CodeWriter::Line(int indent, std::string_view code, std::string_view comment) {
  if (!comment.empty() && Fits(indent, Concat(code, "  # ", comment)))
    return Emit(indent, Concat(code, "  # ", comment));
  if (!comment.empty()) Comment(indent, comment);
  if (Fits(indent, code)) return Emit(indent, code);
  if (code.rfind("def ", 0) == 0 || code.rfind("class ", 0) == 0) {
    const size_t open = code.find('(');
    size_t close = open;
    Scan(code, [&](size_t i, int depth) {
      if (depth == 1 && code[i] == ')' && close == open) close = i;
    });
    Emit(indent, code.substr(0, open + 1));
    Body(indent + 4, code.substr(open + 1, close - open - 1), false);
    return Emit(indent, code.substr(close));
  }
  const size_t right = RightHandSide(code);
  Break(indent, code.substr(0, right), code.substr(right), "", true);
}

void CodeWriter::Break(int indent, std::string_view head, std::string_view expression,
                       std::string_view tail, bool statement) {
  const std::string line = Concat(head, expression, tail);
  if (Fits(indent, line)) return Emit(indent, line);
  const std::vector<std::string_view> parts = Items(expression);
  const bool tuple = statement && parts.size() > 1;
  if (tuple || !Operators(expression).empty()) {
    if (!statement) return Operands(indent, Concat(head, expression), tail);
    if (head.empty()) return Emit(indent, line);
    // Invisible parentheses around the right-hand side become visible; a tuple then goes item by
    // item.
    Emit(indent, Concat(head, "("));
    if (tuple) {
      for (const std::string_view part : parts) Break(indent + 4, "", part, ",", false);
    } else if (Fits(indent + 4, expression)) {
      Emit(indent + 4, expression);
    } else {
      Operands(indent + 4, expression, "");
    }
    return Emit(indent, ")");
  }
  const size_t open = LastBracket(expression);
  if (open != std::string_view::npos && open > 0 && expression[open] == '[' &&
      expression[open - 1] == ')') {
    // `f(...)[0]` breaks inside of the call; the subscript stays behind it.
    const std::string_view call = expression.substr(0, open);
    const size_t arguments = LastBracket(call);
    if (arguments != std::string_view::npos && arguments + 2 < call.size() &&
        Fits(indent, Concat(head, call.substr(0, arguments + 1)))) {
      return Break(indent, head, call, Concat(expression.substr(open), tail), statement);
    }
  }
  if (open == std::string_view::npos || open + 2 == expression.size()) {
    // A name or an empty call cannot be broken, only moved to a line of its own.
    if (statement && !head.empty() && Fits(indent + 4, expression)) {
      Emit(indent, Concat(head, "("));
      Emit(indent + 4, expression);
      return Emit(indent, ")");
    }
    return Emit(indent, line);
  }
  if (statement && !head.empty() && !Fits(indent, Concat(head, expression.substr(0, open + 1)))) {
    const size_t equals = head.rfind(" = ");
    const std::string_view target = head.substr(0, equals == std::string_view::npos ? 0 : equals);
    if (Items(target).size() > 1) {
      // A target of several names goes first, one by one.
      Emit(indent, "(");
      for (const std::string_view name : Items(target)) Break(indent + 4, "", name, ",", false);
      return Break(indent, ") = ", expression, "", true);
    }
    // Parentheses around the right-hand side, where everything fits then.
    CodeWriter inside;
    inside.Break(indent + 4, "", expression, "", false);
    if (Fits(indent, Concat(head, "(")) && Widest(inside.text()) <= kWidth) {
      Emit(indent, Concat(head, "("));
      Raw(inside.text());
      return Emit(indent, ")");
    }
  }
  const bool literal =
      open == 0 ||
      (std::isalnum(static_cast<unsigned char>(expression[open - 1])) == 0 &&
       expression[open - 1] != '_' && expression[open - 1] != ')' && expression[open - 1] != ']');
  Emit(indent, Concat(head, expression.substr(0, open + 1)));
  Body(indent + 4, expression.substr(open + 1, expression.size() - open - 2), literal);
  Emit(indent, Concat(expression.substr(expression.size() - 1), tail));
}

void CodeWriter::Body(int indent, std::string_view body, bool literal) {
  const std::vector<std::string_view> items = Items(body);
  if (Fits(indent, body) && (items.size() < 2 || !literal)) return Emit(indent, body);
  if (items.size() == 1 && body.back() != ',') return Break(indent, "", body, "", false);
  for (const std::string_view item : items) Break(indent, "", item, ",", false);
}

void CodeWriter::Operands(int indent, std::string_view expression, std::string_view tail) {
  size_t start = 0;
  for (const size_t at : Operators(expression)) {
    Break(indent, "", expression.substr(start, at - 1 - start), "", false);
    start = at;
  }
  const std::string_view last = expression.substr(start);
  // `+ f(x)`: the operator is no part of what is broken further.
  if (start > 0) {
    Break(indent, last.substr(0, 2), last.substr(2), tail, false);
  } else {
    Emit(indent, Concat(last, tail));
  }
}

}  // namespace graphkiln::emit::python
