// The JSON front: nlohmann's SAX parser (iterative, so depth costs no stack) with positions.
#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/text_sources.h"

namespace graphkiln::text_internal {
namespace {

using Json = nlohmann::json;

// The parser reads through this and thereby tells how far it is.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    if (furthest_ != nullptr) *furthest_ = at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }
  friend bool operator!=(const CountingIterator& a, const CountingIterator& b) { return !(a == b); }

 private:
  const char* at_;
  const char** furthest_;
};

class Handler final : public nlohmann::json_sax<Json> {
 public:
  Handler(std::string_view bytes, TextBuilder& builder)
      : builder_(builder), cursor_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  const char** furthest() { return &furthest_; }

  bool null() override {
    TextNode node;
    node.pos = StartToken();
    EndToken(4);
    return builder_.Scalar(std::move(node));
  }
  bool boolean(bool value) override {
    TextNode node;
    node.pos = StartToken();
    node.kind = TextNode::Kind::kBool;
    node.b = value;
    EndToken(value ? 4 : 5);
    return builder_.Scalar(std::move(node));
  }
  bool number_integer(number_integer_t value) override { return Integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) {
      return builder_.Fail(fmt::format("the integer {} does not fit 64 bits", value), StartToken());
    }
    return Integer(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    TextNode node;
    node.pos = StartToken();
    if (text.find_first_of(".eE") == std::string::npos) {
      return builder_.Fail(
          fmt::format("the integer {} does not fit 64 bits", QuoteForMessage(text, 40)), node.pos);
    }
    node.kind = TextNode::Kind::kDouble;
    node.d = value;
    EndNumber();
    return builder_.Scalar(std::move(node));
  }
  bool string(string_t& value) override {
    TextNode node;
    node.pos = StartToken();
    node.kind = TextNode::Kind::kString;
    node.s = std::move(value);
    EndString();
    return builder_.Scalar(std::move(node));
  }
  bool binary(binary_t& /*value*/) override { return false; }  // JSON text has none
  bool key(string_t& value) override {
    const TextPos pos = StartToken();
    EndString();
    return builder_.Key(std::move(value), pos);
  }
  bool start_object(std::size_t /*elements*/) override {
    const TextPos pos = StartToken();
    EndToken(1);
    return builder_.StartMap(pos);
  }
  bool start_array(std::size_t /*elements*/) override {
    const TextPos pos = StartToken();
    EndToken(1);
    return builder_.StartList(pos);
  }
  bool end_object() override { return EndCollection(); }
  bool end_array() override { return EndCollection(); }

  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: <what we want>"
    std::string_view what = error.what();
    if (const size_t column = what.find(", column "); column != std::string_view::npos) {
      if (const size_t colon = what.find(": ", column); colon != std::string_view::npos) {
        what.remove_prefix(colon + 2);
      }
    }
    // The parser quotes what it last read, which may be megabytes.
    constexpr size_t kLongest = 200;
    const std::string_view rest = what.size() > kLongest ? "..." : "";
    while (cursor_ + 1 < furthest_) Step();
    return builder_.Fail(fmt::format("not valid JSON: {}{}", what.substr(0, kLongest), rest), pos_);
  }

 private:
  bool Integer(int64_t value) {
    TextNode node;
    node.pos = StartToken();
    node.kind = TextNode::Kind::kInt;
    node.i = value;
    EndNumber();
    return builder_.Scalar(std::move(node));
  }
  bool EndCollection() {
    StartToken();
    EndToken(1);
    return builder_.End();
  }

  void Step() {
    if (*cursor_ == '\n') {
      ++pos_.line;
      pos_.column = 1;
    } else {
      ++pos_.column;
    }
    ++cursor_;
  }

  // Events come with the end of their token known at best; tokens are separated by blanks, ',' and
  // ':' alone, so the start is found from the end of the token before.
  TextPos StartToken() {
    while (cursor_ != end_ &&
           std::string_view(" \t\r\n,:").find(*cursor_) != std::string_view::npos) {
      Step();
    }
    return pos_;
  }
  void EndToken(int length) {
    for (; length > 0 && cursor_ != end_; --length) Step();
  }
  void EndNumber() {
    while (cursor_ != end_ &&
           std::string_view("+-.0123456789eE").find(*cursor_) != std::string_view::npos) {
      Step();
    }
  }
  // The parser reads no further than the closing quote.
  void EndString() {
    while (cursor_ != furthest_) Step();
  }

  TextBuilder& builder_;
  const char* cursor_;
  const char* end_;
  const char* furthest_ = nullptr;
  TextPos pos_{1, 1};
};

}  // namespace

void ReadJson(std::string_view bytes, TextBuilder& builder) {
  Handler handler(bytes, builder);
  try {
    Json::sax_parse(CountingIterator(bytes.data(), handler.furthest()),
                    CountingIterator(bytes.data() + bytes.size(), nullptr), &handler);
  } catch (const std::exception& error) {
    builder.Fail(fmt::format("cannot read the text: {}", error.what()), {1, 1});
  }
}

}  // namespace graphkiln::text_internal
