#include "common/emit/python/names.h"

#include <cctype>
#include <utility>

#include "common/compiler/identifiers.h"
#include "fmt/format.h"

namespace graphkiln::emit::python {
namespace {

// One code point of UTF-8 at `*at`, which moves behind it; U+FFFD for bytes that are none.
uint32_t NextCodePoint(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte((*at)++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xf0 && lead < 0xf8   ? 3
                   : lead >= 0xe0 && lead < 0xf0 ? 2
                   : lead >= 0xc2 && lead < 0xe0 ? 1
                                                 : 0;
  if (more == 0 || *at + static_cast<size_t>(more) > text.size()) return 0xfffd;
  uint32_t code = lead & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(*at + static_cast<size_t>(i)) & 0xc0) != 0x80) return 0xfffd;
    code = (code << 6) | (byte(*at + static_cast<size_t>(i)) & 0x3fu);
  }
  *at += static_cast<size_t>(more);
  return code;
}

std::string Escape(uint32_t code) {
  if (code < 0x100) return fmt::format("\\x{:02x}", code);
  return code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
}

// Letters and marks of living scripts. Everything that is invisible, turns the direction of writing
// or ends a line is outside: what a reader sees of a comment is all there is.
bool IsPlainText(uint32_t code) {
  if (code < 0x7f) return code >= 0x20;
  if (code < 0xa1 || code == 0xad) return false;
  if (code >= 0x600 && code <= 0x8ff)
    return !(code <= 0x605 || code == 0x61c || code == 0x6dd || code == 0x70f || code >= 0x890);
  if (code >= 0x180b && code <= 0x180f) return false;
  if (code == 0x115f || code == 0x1160 || code == 0x17b4 || code == 0x17b5) return false;
  return code < 0x2000 || (code >= 0x2070 && code < 0x2fe0) ||
         (code > 0x3000 && code < 0xd800 && code != 0x3164);
}

bool IsAmbiguous(std::string_view name) { return name == "l" || name == "I" || name == "O"; }

}  // namespace

std::string FileStem(std::string_view graph_name) {
  return graph_name.empty() ? "model" : compiler::ToIdentifier(graph_name);
}

std::string ClassName(std::string_view name) {
  std::string out;
  bool upper = true;
  for (const char c : compiler::ToIdentifier(name)) {
    if (c == '_') {
      upper = true;
    } else {
      out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  if (name.empty() || out.empty() || out == "N") return "Model";
  // `none` must not become `None`.
  return compiler::ToIdentifier(out) == out ? out : out + "Model";
}

std::string StringLiteral(std::string_view text) {
  size_t doubles = 0;
  size_t singles = 0;
  for (const char c : text) {
    doubles += c == '"';
    singles += c == '\'';
  }
  const char quote = doubles > singles ? '\'' : '"';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const uint32_t code = NextCodePoint(text, &i);
    if (code == static_cast<unsigned char>(quote) || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code >= 0x20 && code < 0x7f) {
      out += static_cast<char>(code);
    } else {
      out += Escape(code);
    }
  }
  return out + quote;
}

std::string ValueLiteral(const nodes::ParamValue& value) {
  if (const std::string* text = std::get_if<std::string>(&value)) return StringLiteral(*text);
  return nodes::ToPython(value);
}

std::string ValueLiteral(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      return nodes::ToPython(value.bool_value());
    case v1::Value::kIntValue:
      return nodes::ToPython(static_cast<int64_t>(value.int_value()));
    case v1::Value::kDoubleValue:
      return nodes::ToPython(value.double_value());
    case v1::Value::kStringValue:
      return StringLiteral(value.string_value());
    case v1::Value::kDtypeValue:
      return nodes::ToPython(value.dtype_value());
    case v1::Value::kListValue: {
      // Depth is bounded by the readers (64 levels).
      std::string out = "(";
      for (const v1::Value& item : value.list_value().values())
        out += (out.size() > 1 ? ", " : "") + ValueLiteral(item);
      return out + (value.list_value().values_size() == 1 ? ",)" : ")");
    }
    case v1::Value::kNullValue:
    case v1::Value::kMapValue:
    case v1::Value::kExpression:
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return "None";
}

std::string CommentText(std::string_view text, size_t max) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const uint32_t code = NextCodePoint(text, &i);
    const std::string shown =
        IsPlainText(code) ? std::string(text.substr(start, i - start)) : Escape(code);
    if (out.size() + shown.size() > max) return out + "...";
    out += shown;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::vector<std::string> CommentLines(std::string_view text) {
  constexpr size_t kWidth = 84;
  constexpr size_t kMaxLines = 100;
  std::vector<std::string> lines;
  for (const std::string_view paragraph : SplitView(TrimView(text), '\n')) {
    std::string line;
    const std::string clean = CommentText(paragraph, 20'000);
    for (const std::string_view word : SplitView(clean, ' ')) {
      if (word.empty()) continue;
      if (!line.empty() && line.size() + 1 + word.size() > kWidth)
        lines.push_back(std::exchange(line, ""));
      line += (line.empty() ? "" : " ") + std::string(word);
    }
    if (!line.empty()) lines.push_back(std::move(line));
    if (lines.size() > kMaxLines) {
      lines.resize(kMaxLines);
      break;
    }
  }
  return lines;
}

NameTable::NameTable() {
  for (const char* name : {"self", "torch", "nn", "Tensor"}) used_.insert(name);
  // `# noqa: ...` would speak to tools where names stand in comments.
  for (const char* name : {"noqa", "fmt", "type", "ruff", "flake8", "isort", "pylint", "mypy",
                           "pyright", "pragma", "nosec", "yapf"}) {
    used_.insert(name);
  }
}

std::string NameTable::Take(std::string_view wanted, std::string_view separator) {
  // Linters refuse names that look like digits.
  const std::string stem = IsAmbiguous(wanted) ? std::string(wanted) + "_" : std::string(wanted);
  if (used_.insert(stem).second) return stem;
  int& number = next_[stem];
  if (number == 0) number = 1;
  std::string name;
  do {
    name = fmt::format("{}{}{}", stem, separator, ++number);
  } while (!used_.insert(name).second);
  return name;
}

}  // namespace graphkiln::emit::python
