#include "common/formats/canvas/object_reader.h"

#include <algorithm>
#include <cmath>

#include "common/base/strings.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::formats::canvas {
namespace {

v1::Diagnostic& Fill(v1::Diagnostic& diagnostic, const TextNode& node, const std::string& region) {
  diagnostic.set_node(region);
  diagnostic.set_found(node.Describe());
  return diagnostic;
}

void Expected(const Place& place, const TextNode& node, std::string_view what) {
  place.Error("PARAM_TYPE", node, fmt::format("{} is expected", what))
      .set_expected(std::string(what));
}

bool InRange(double value, const Limits& limits, const TextNode& node, const Place& place) {
  if (std::isfinite(value) && value >= limits.low && value <= limits.high) return true;
  place.Error("PARAM_RANGE", node, "the number is out of range")
      .set_expected(limits.low == std::numeric_limits<double>::lowest()
                        ? "a finite number"
                        : fmt::format("{} or more", limits.low));
  return false;
}

void CheckWord(const TextNode& node, const Limits& limits, const Place& place) {
  if (limits.words.empty() ||
      std::find(limits.words.begin(), limits.words.end(), node.s) != limits.words.end()) {
    return;
  }
  const std::string message = fmt::format("{} is not known here", QuoteForMessage(node.s));
  v1::Diagnostic& diagnostic = limits.open ? place.Warning("PARAM_RANGE", node, message)
                                           : place.Error("PARAM_RANGE", node, message);
  const std::vector<std::string> names(limits.words.begin(), limits.words.end());
  const auto near = NearestName(node.s, names);
  diagnostic.set_expected(near ? *near : fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace

v1::Diagnostic& Place::Error(std::string_view code, const TextNode& node,
                             std::string message) const {
  return Fill(report.Error(code, node.pos, path, std::move(message)), node, region);
}

v1::Diagnostic& Place::Warning(std::string_view code, const TextNode& node,
                               std::string message) const {
  return Fill(report.Warning(code, node.pos, path, std::move(message)), node, region);
}

void ReadValue(const TextNode& node, const Limits& limits, const Place& place, int64_t* out) {
  if (!node.IsInt()) return Expected(place, node, "a whole number");
  if (InRange(static_cast<double>(node.i), limits, node, place)) *out = node.i;
}

void ReadValue(const TextNode& node, const Limits& limits, const Place& place, double* out) {
  if (!node.IsNumber()) return Expected(place, node, "a number");
  if (InRange(node.AsDouble(), limits, node, place)) *out = node.AsDouble();
}

void ReadValue(const TextNode& node, const Limits&, const Place& place, bool* out) {
  if (!node.IsBool()) return Expected(place, node, "true or false");
  *out = node.b;
}

void ReadValue(const TextNode& node, const Limits& limits, const Place& place, std::string* out) {
  if (!node.IsString()) return Expected(place, node, "a text");
  CheckWord(node, limits, place);
  *out = node.s;
}

void ReadValue(const TextNode& node, const Limits& limits, const Place& place, Raw* out) {
  out->reset();
  if (node.IsNull()) return;
  if (!limits.words.empty()) {
    const bool one = node.IsString();
    const bool list = node.IsList() && std::all_of(node.items.begin(), node.items.end(),
                                                   [](const TextNode& i) { return i.IsString(); });
    if (!one && !list) return Expected(place, node, "a text or a list of texts");
    if (one) CheckWord(node, limits, place);
    for (const TextNode& item : node.items) CheckWord(item, limits, place);
  }
  *out = node;
}

void KeepUnknown(const TextNode& map, const std::vector<std::string_view>& known,
                 const Place& place, Extra* extra) {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const TextEntry& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    extra->push_back(entry);
    v1::Diagnostic& diagnostic = place.report.Warning(
        "UNKNOWN_FIELD", entry.key_pos,
        place.path.empty() ? entry.key : place.path + "." + entry.key,
        fmt::format("{} has no meaning here; it is kept", QuoteForMessage(entry.key)));
    diagnostic.set_node(place.region);
    diagnostic.set_found(QuoteForMessage(entry.key));
    if (const auto near = NearestName(entry.key, names)) diagnostic.set_expected(*near);
  }
}

}  // namespace graphkiln::formats::canvas
