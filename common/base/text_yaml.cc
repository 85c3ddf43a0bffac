// The YAML front: yaml-cpp's events, never its tree.
#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <istream>
#include <limits>
#include <streambuf>
#include <utility>

#include "common/base/text_sources.h"

namespace graphkiln::text_internal {
namespace {

// yaml-cpp's scanner holds all tokens of a flow collection back until it has seen its end, so their
// number is bounded before it starts.
constexpr std::string_view kFlowIndicators = "[]{},";
constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Leaves yaml-cpp's parser after the builder has failed; caught below, never seen outside.
struct Stop {};

TextPos PosOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view bytes) {
    char* begin = const_cast<char*>(bytes.data());  // a get area is never written to
    setg(begin, begin, begin + bytes.size());
  }
};

class Handler final : public YAML::EventHandler {
 public:
  Handler(std::string_view bytes, TextBuilder& builder) : bytes_(bytes), builder_(builder) {}

  /// REQUIRES: yaml-cpp has come to the end without complaint.
  void Finish() {
    if (key_is_collection_) {
      builder_.Fail("a list or map cannot be a key", collection_key_pos_);
    } else if (documents_ == 0) {
      TextNode empty;
      empty.pos = {1, 1};
      builder_.Scalar(std::move(empty));
    }
  }

  /// Where the handler began to ignore events: only then can yaml-cpp get deep.
  TextPos ignored_since() const { return collection_key_pos_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      builder_.Fail("the text holds more than one document", PosOf(mark));
      throw Stop{};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (key_is_collection_) return;
    if (builder_.ExpectsKey()) {
      Check(builder_.Key(NullSpelling(mark), PosOf(mark)));
      return;
    }
    TextNode node;
    node.pos = PosOf(mark);
    Check(builder_.Scalar(std::move(node), anchor));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (key_is_collection_) return;
    if (builder_.ExpectsKey()) {
      Check(builder_.Fail("an alias cannot be a key", PosOf(mark)));
    }
    Check(builder_.Alias(PosOf(mark), anchor));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (key_is_collection_) return;
    const TextPos pos = PosOf(mark);
    if (builder_.ExpectsKey()) {
      Check(tag == "?" && value == "<<" ? builder_.MergeKey(pos) : builder_.Key(value, pos));
      return;
    }
    TextNode node;
    node.pos = pos;
    std::string message;
    if (!Resolve(tag, value, node, message)) Check(builder_.Fail(std::move(message), pos));
    Check(builder_.Scalar(std::move(node), anchor));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    if (AcceptsCollection(mark, tag, "seq")) Check(builder_.StartList(PosOf(mark), anchor));
  }
  void OnSequenceEnd() override {
    if (!key_is_collection_) Check(builder_.End());
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    if (AcceptsCollection(mark, tag, "map")) Check(builder_.StartMap(PosOf(mark), anchor));
  }
  void OnMapEnd() override {
    if (!key_is_collection_) Check(builder_.End());
  }

 private:
  static void Check(bool ok) {
    if (!ok) throw Stop{};
  }

  bool AcceptsCollection(const YAML::Mark& mark, const std::string& tag, std::string_view kind) {
    if (!key_is_collection_ && builder_.ExpectsKey()) {
      // Often yaml-cpp's view of a bracket that is never closed, which it reports better later.
      key_is_collection_ = true;
      collection_key_pos_ = PosOf(mark);
    }
    if (key_is_collection_) return false;
    if (tag.empty() || tag == "?" || tag == "!" || tag == fmt::format("{}{}", kTagPrefix, kind)) {
      return true;
    }
    Check(builder_.Fail(fmt::format("the tag {} is not supported", QuoteForMessage(tag)),
                        PosOf(mark)));
    return false;
  }

  // yaml-cpp does not hand over how a null key was written.
  std::string NullSpelling(const YAML::Mark& mark) const {
    const std::string_view rest =
        bytes_.substr(std::min(bytes_.size(), static_cast<size_t>(std::max(mark.pos, 0))));
    if (rest.starts_with('~')) return "~";
    for (const std::string_view spelling : {"null", "Null", "NULL"}) {
      if (rest.starts_with(spelling)) return std::string(spelling);
    }
    return "";
  }

  static bool Resolve(std::string_view tag, const std::string& value, TextNode& node,
                      std::string& message) {
    if (tag == "!" || (tag.starts_with(kTagPrefix) && tag.substr(kTagPrefix.size()) == "str")) {
      node.kind = TextNode::Kind::kString;
      node.s = value;
      return true;
    }
    if (tag.empty() || tag == "?") return ResolvePlainScalar(value, node, message);
    if (!tag.starts_with(kTagPrefix)) {
      message = fmt::format("the tag {} is not supported", QuoteForMessage(tag));
      return false;
    }
    if (!ResolvePlainScalar(value, node, message)) return false;
    const std::string_view wanted = tag.substr(kTagPrefix.size());
    if (wanted == "float" && node.IsInt()) {
      node.kind = TextNode::Kind::kDouble;
      node.d = static_cast<double>(node.i);
    }
    const bool fits = (wanted == "null" && node.IsNull()) || (wanted == "bool" && node.IsBool()) ||
                      (wanted == "int" && node.IsInt()) ||
                      (wanted == "float" && node.kind == TextNode::Kind::kDouble);
    if (!fits) {
      message =
          fmt::format("{} does not fit the tag {}", QuoteForMessage(value), QuoteForMessage(tag));
    }
    return fits;
  }

  const std::string_view bytes_;
  TextBuilder& builder_;
  int documents_ = 0;
  bool key_is_collection_ = false;  // from then on events are ignored
  TextPos collection_key_pos_;
};

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool IsCoreFloat(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at - start;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const size_t whole = digits();
  size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

bool IsInteger(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
  }
  return true;
}

bool IsOneOf(std::string_view text, std::string_view a, std::string_view b, std::string_view c) {
  return text == a || text == b || text == c;
}

// `digits` in `base`, the whole of it.
bool ParseInt(std::string_view digits, int base, int64_t* value, std::errc* error) {
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), *value, base);
  *error = code;
  return end == digits.data() + digits.size() && code != std::errc::invalid_argument;
}

bool ResolveInteger(std::string_view text, TextNode& node, std::string& message, bool* matched) {
  std::errc error{};
  if (IsInteger(text)) {
    *matched = ParseInt(text, 10, &node.i, &error);
  } else if (text.size() > 2 && text.starts_with("0x") && text[2] != '-') {
    *matched = ParseInt(text.substr(2), 16, &node.i, &error);
  } else if (text.size() > 2 && text.starts_with("0o") && text[2] != '-') {
    *matched = ParseInt(text.substr(2), 8, &node.i, &error);
  }
  if (*matched && error == std::errc::result_out_of_range) {
    message = fmt::format("the integer {} does not fit 64 bits", QuoteForMessage(text, 40));
    return false;
  }
  return true;
}

}  // namespace

bool ResolvePlainScalar(std::string_view text, TextNode& node, std::string& message) {
  using Kind = TextNode::Kind;
  node.kind = Kind::kString;
  if (text.empty() || text == "~" || IsOneOf(text, "null", "Null", "NULL")) {
    node.kind = Kind::kNull;
    return true;
  }
  if (IsOneOf(text, "true", "True", "TRUE") || IsOneOf(text, "false", "False", "FALSE")) {
    node.kind = Kind::kBool;
    node.b = text.front() == 't' || text.front() == 'T';
    return true;
  }
  bool integer = false;
  if (!ResolveInteger(text, node, message, &integer)) return false;
  if (integer) {
    node.kind = Kind::kInt;
    return true;
  }
  if (IsCoreFloat(text)) {
    std::string_view digits = text;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    node.kind = Kind::kDouble;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), node.d);
    if (result.ec == std::errc::result_out_of_range) {
      message = fmt::format("the number {} is out of range", QuoteForMessage(text, 40));
      return false;
    }
    return true;
  }
  if (IsOneOf(text, ".nan", ".NaN", ".NAN")) {
    node.kind = Kind::kDouble;
    node.d = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  const std::string_view magnitude =
      text.front() == '-' || text.front() == '+' ? text.substr(1) : text;
  if (IsOneOf(magnitude, ".inf", ".Inf", ".INF")) {
    node.kind = Kind::kDouble;
    node.d = std::numeric_limits<double>::infinity() * (text.front() == '-' ? -1.0 : 1.0);
    return true;
  }
  node.s = std::string(text);
  return true;
}

void ReadYaml(std::string_view bytes, const TextLimits& limits, TextBuilder& builder) {
  uint64_t indicators = 0;
  for (const char c : bytes) {
    if (kFlowIndicators.find(c) != std::string_view::npos) ++indicators;
  }
  if (indicators > limits.max_events) {
    builder.Fail(fmt::format("the text holds more than {} brackets and commas", limits.max_events),
                 {1, 1});
    return;
  }
  ViewBuffer buffer(bytes);
  std::istream stream(&buffer);
  Handler handler(bytes, builder);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
    }
    handler.Finish();
  } catch (const Stop&) {
    // The builder holds the problem.
  } catch (const YAML::DeepRecursion&) {
    builder.Fail(fmt::format("lists and maps are nested more than {} deep", limits.max_depth),
                 handler.ignored_since());
  } catch (const YAML::Exception& error) {
    builder.Fail(fmt::format("not valid YAML: {}", error.msg), PosOf(error.mark));
  } catch (const std::exception& error) {
    builder.Fail(fmt::format("cannot read the text: {}", error.what()), {1, 1});
  }
}

}  // namespace graphkiln::text_internal
