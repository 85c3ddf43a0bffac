// Reads one object of the format by its description: kinds, bounds, legal words, unknown keys; each
// fault is located. Used by the reader of programs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/text_reader.h"
#include "common/formats/canvas/program.h"
#include "common/formats/canvas/schema.h"
#include "common/graph/reader.h"

namespace graphkiln::formats::canvas {

/// Where findings go, and which region they are about (empty: none).
struct Place {
  graph::Reader& report;
  std::string path;
  std::string region;

  Place At(std::string_view key) const {
    return {report, path.empty() ? std::string(key) : path + "." + std::string(key), region};
  }
  v1::Diagnostic& Error(std::string_view code, const TextNode& node, std::string message) const;
  v1::Diagnostic& Warning(std::string_view code, const TextNode& node, std::string message) const;
};

/// One value; a fault leaves `out` as it is.
void ReadValue(const TextNode& node, const Limits& limits, const Place& place, int64_t* out);
void ReadValue(const TextNode& node, const Limits& limits, const Place& place, double* out);
void ReadValue(const TextNode& node, const Limits& limits, const Place& place, bool* out);
void ReadValue(const TextNode& node, const Limits& limits, const Place& place, std::string* out);
/// Words are checked in a text or a list of texts.
void ReadValue(const TextNode& node, const Limits& limits, const Place& place, Raw* out);

template <class T>
void ReadValue(const TextNode& node, const Limits& limits, const Place& place,
               std::optional<T>* out) {
  if (node.IsNull()) return out->reset();
  T value{};
  ReadValue(node, limits, place, &value);
  *out = std::move(value);
}

template <class T>
void ReadValue(const TextNode& node, const Limits& limits, const Place& place,
               std::vector<T>* out) {
  if (!node.IsList()) {
    place.Error("PARAM_TYPE", node, "a list is expected").set_expected("a list");
    return;
  }
  out->clear();
  for (const TextNode& item : node.items) {
    T value{};
    ReadValue(item, limits, place, &value);
    out->push_back(std::move(value));
  }
}

/// Warns about keys that are not in `known` and keeps them.
void KeepUnknown(const TextNode& map, const std::vector<std::string_view>& known,
                 const Place& place, Extra* extra);

/// A visitor of descriptions.
template <class S>
class ObjectReader {
 public:
  ObjectReader(const TextNode& node, Place place, S* out)
      : node_(node), place_(std::move(place)), out_(out) {}

  template <class T>
  void Field(std::string_view name, T S::* member, const Limits& limits = {}) {
    if (const TextNode* value = Find(name))
      ReadValue(*value, limits, place_.At(name), &(out_->*member));
  }
  template <class T>
  void Object(std::string_view name, std::optional<T> S::* member);

  void Run() {
    if (!node_.IsMap()) {
      place_.Error("PARAM_TYPE", node_, "an object is expected").set_expected("a map");
      return;
    }
    Describe(*this, static_cast<const S*>(nullptr));
    KeepUnknown(node_, known_, place_, &out_->extra);
  }

 private:
  const TextNode* Find(std::string_view name) {
    known_.push_back(name);
    return node_.Find(name);
  }

  const TextNode& node_;
  const Place place_;
  S* out_;
  std::vector<std::string_view> known_;
};

template <class S>
void ReadObject(const TextNode& node, Place place, S* out) {
  ObjectReader<S>(node, std::move(place), out).Run();
}

template <class S>
template <class T>
void ObjectReader<S>::Object(std::string_view name, std::optional<T> S::* member) {
  const TextNode* value = Find(name);
  if (value == nullptr || value->IsNull()) return;
  (out_->*member).emplace();
  ReadObject(*value, place_.At(name), &*(out_->*member));
}

}  // namespace graphkiln::formats::canvas
