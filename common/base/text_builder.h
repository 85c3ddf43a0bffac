// Turns a stream of events into a TextNode tree while it enforces the limits of text_reader.h.
//
// The YAML and the JSON front feed it; nobody else. Every method returns false once something is
// wrong; the first problem is in error(). Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/strings.h"
#include "common/base/text_reader.h"

namespace graphkiln::text_internal {

class TextBuilder {
 public:
  /// Names an anchored node; 0 means no anchor.
  using Anchor = uint64_t;

  explicit TextBuilder(const TextLimits& limits) : limits_(limits) {}

  /// True where the next scalar is a key of the innermost map.
  bool ExpectsKey() const;
  bool Key(std::string key, TextPos pos);
  /// The YAML key `<<`: its value's entries are taken over by the map where it has none of that
  /// key.
  bool MergeKey(TextPos pos);
  bool Scalar(TextNode node, Anchor anchor = 0);
  bool StartList(TextPos pos, Anchor anchor = 0);
  bool StartMap(TextPos pos, Anchor anchor = 0);
  /// Ends the innermost list or map.
  bool End();
  bool Alias(TextPos pos, Anchor anchor);

  /// Records `message` at `pos` unless there is a problem already; returns false.
  bool Fail(std::string message, TextPos pos);

  bool failed() const { return failed_; }
  const TextError& error() const { return error_; }
  /// REQUIRES: !failed() and all lists and maps ended.
  TextNode TakeRoot() { return std::move(root_); }

 private:
  // How much a subtree weighs; what an alias to it costs.
  struct Weight {
    uint64_t nodes = 1;
    uint64_t string_bytes = 0;
    int height = 0;
    void Add(const Weight& child);
  };
  struct Frame {
    TextNode node;
    Anchor anchor = 0;
    Weight weight;
    bool have_key = false;
    bool key_is_merge = false;
    std::string key;
    TextPos key_pos;
    StringSet keys;  // filled only once the map is too large for a linear search
    std::vector<TextNode> merged;
  };
  struct Anchored {
    TextNode node;
    Weight weight;
  };

  bool CountEvent(TextPos pos);
  bool Expand(const Weight& weight, TextPos pos);
  bool Open(TextNode node, Anchor anchor);
  bool Close(TextNode node, Anchor anchor, const Weight& weight);
  bool HasKey(Frame& frame, std::string_view key);
  void AddEntry(Frame& frame, TextEntry entry);
  bool ApplyMerges(Frame& frame);

  const TextLimits limits_;
  std::vector<Frame> frames_;
  absl::flat_hash_map<Anchor, Anchored> anchors_;
  TextNode root_;
  uint64_t events_ = 0;
  uint64_t expanded_nodes_ = 0;
  uint64_t expanded_bytes_ = 0;
  bool failed_ = false;
  TextError error_;
};

}  // namespace graphkiln::text_internal
