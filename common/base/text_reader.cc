#include "common/base/text_reader.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/strings.h"
#include "common/base/text_builder.h"
#include "common/base/text_sources.h"

namespace graphkiln {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

TextPos PosOfOffset(std::string_view bytes, size_t offset) {
  TextPos pos{1, 1};
  for (size_t i = 0; i < offset && i < bytes.size(); ++i) {
    if (bytes[i] == '\n') {
      ++pos.line;
      pos.column = 1;
    } else {
      ++pos.column;
    }
  }
  return pos;
}

// Control characters would end yaml-cpp's stream early (0x04) or hide things from a reader's eye.
bool FindControlCharacter(std::string_view bytes, size_t* offset) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') {
      *offset = i;
      return true;
    }
  }
  return false;
}

}  // namespace

bool LooksLikeJson(std::string_view bytes) {
  std::string_view text = TrimView(bytes);
  if (text.empty() || text.front() == '[') return !text.empty();
  if (text.front() != '{') return false;
  text = TrimView(text.substr(1));
  return text.empty() || text.front() == '"' || text.front() == '}';
}

namespace {

TextError ReadInto(std::string_view bytes, const TextLimits& limits, TextNode* root) {
  if (bytes.size() > limits.max_bytes) {
    return {fmt::format("the text is larger than the limit of {}", HumanBytes(limits.max_bytes)),
            {1, 1}};
  }
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  size_t offset = 0;
  if (!IsValidUtf8(bytes, &offset)) {
    return {fmt::format("the text is not valid UTF-8 (byte 0x{:02x})",
                        static_cast<unsigned char>(bytes[offset])),
            PosOfOffset(bytes, offset)};
  }
  if (FindControlCharacter(bytes, &offset)) {
    return {fmt::format("the text holds the control character 0x{:02x}",
                        static_cast<unsigned char>(bytes[offset])),
            PosOfOffset(bytes, offset)};
  }
  text_internal::TextBuilder builder(limits);
  if (LooksLikeJson(bytes)) {
    text_internal::ReadJson(bytes, builder);
  } else {
    text_internal::ReadYaml(bytes, limits, builder);
  }
  if (builder.failed()) return builder.error();
  *root = builder.TakeRoot();
  return {};
}

}  // namespace

const TextEntry* TextNode::FindEntry(std::string_view key) const {
  for (const TextEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const TextNode* TextNode::Find(std::string_view key) const {
  const TextEntry* entry = FindEntry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

std::string_view TextNode::KindName() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a boolean";
    case Kind::kInt:
      return "an integer";
    case Kind::kDouble:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "nothing";
}

std::string TextNode::Describe() const {
  switch (kind) {
    case Kind::kBool:
      return b ? "true" : "false";
    case Kind::kInt:
      return fmt::format("{}", i);
    case Kind::kDouble:
      return fmt::format("{}", d);
    case Kind::kString:
      return QuoteForMessage(s, 40);
    default:
      return std::string(KindName());
  }
}

absl::StatusOr<TextNode> ReadText(std::string_view bytes, const TextLimits& limits,
                                  TextError* error) {
  TextNode root;
  TextError problem = ReadInto(bytes, limits, &root);
  if (problem.message.empty()) return root;
  absl::Status status = absl::InvalidArgumentError(
      fmt::format("{}:{}: {}", problem.pos.line, problem.pos.column, problem.message));
  if (error != nullptr) *error = std::move(problem);
  return status;
}

}  // namespace graphkiln
