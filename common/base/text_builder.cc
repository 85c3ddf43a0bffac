#include "common/base/text_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace graphkiln::text_internal {
namespace {

constexpr size_t kLinearSearch = 8;

}  // namespace

void TextBuilder::Weight::Add(const Weight& child) {
  nodes += child.nodes;
  string_bytes += child.string_bytes;
  height = std::max(height, child.height + 1);
}

bool TextBuilder::Fail(std::string message, TextPos pos) {
  if (!failed_) error_ = {std::move(message), pos};
  failed_ = true;
  return false;
}

bool TextBuilder::CountEvent(TextPos pos) {
  if (failed_) return false;
  if (++events_ > limits_.max_events) {
    return Fail(fmt::format("the text holds more than {} values", limits_.max_events), pos);
  }
  return true;
}

bool TextBuilder::Expand(const Weight& weight, TextPos pos) {
  expanded_nodes_ += weight.nodes;
  expanded_bytes_ += weight.string_bytes;
  if (expanded_nodes_ > limits_.max_alias_expansion || expanded_bytes_ > limits_.max_bytes) {
    return Fail(fmt::format("anchors and aliases expand to more than {} values or {}",
                            limits_.max_alias_expansion, HumanBytes(limits_.max_bytes)),
                pos);
  }
  return true;
}

bool TextBuilder::ExpectsKey() const {
  return !frames_.empty() && frames_.back().node.IsMap() && !frames_.back().have_key;
}

bool TextBuilder::HasKey(Frame& frame, std::string_view key) {
  if (frame.node.entries.size() <= kLinearSearch) return frame.node.Find(key) != nullptr;
  if (frame.keys.empty()) {
    for (const TextEntry& entry : frame.node.entries) frame.keys.insert(entry.key);
  }
  return frame.keys.contains(key);
}

void TextBuilder::AddEntry(Frame& frame, TextEntry entry) {
  if (!frame.keys.empty()) frame.keys.insert(entry.key);
  frame.node.entries.push_back(std::move(entry));
}

bool TextBuilder::Key(std::string key, TextPos pos) {
  if (!CountEvent(pos)) return false;
  Frame& frame = frames_.back();
  if (HasKey(frame, key)) {
    const TextEntry* first = frame.node.FindEntry(key);
    return Fail(fmt::format("duplicate key {}, first used in line {}", QuoteForMessage(key),
                            first->key_pos.line),
                pos);
  }
  frame.have_key = true;
  frame.key_is_merge = false;
  frame.weight.string_bytes += key.size();
  frame.key = std::move(key);
  frame.key_pos = pos;
  return true;
}

bool TextBuilder::MergeKey(TextPos pos) {
  if (!CountEvent(pos)) return false;
  Frame& frame = frames_.back();
  frame.have_key = true;
  frame.key_is_merge = true;
  frame.key_pos = pos;
  return true;
}

bool TextBuilder::Scalar(TextNode node, Anchor anchor) {
  if (!CountEvent(node.pos)) return false;
  Weight weight;
  weight.string_bytes = node.s.size();
  return Close(std::move(node), anchor, weight);
}

bool TextBuilder::Open(TextNode node, Anchor anchor) {
  if (!CountEvent(node.pos)) return false;
  if (frames_.size() >= static_cast<size_t>(limits_.max_depth)) {
    return Fail(fmt::format("lists and maps are nested more than {} deep", limits_.max_depth),
                node.pos);
  }
  Frame& frame = frames_.emplace_back();
  frame.node = std::move(node);
  frame.anchor = anchor;
  return true;
}

bool TextBuilder::StartList(TextPos pos, Anchor anchor) {
  TextNode node;
  node.kind = TextNode::Kind::kList;
  node.pos = pos;
  return Open(std::move(node), anchor);
}

bool TextBuilder::StartMap(TextPos pos, Anchor anchor) {
  TextNode node;
  node.kind = TextNode::Kind::kMap;
  node.pos = pos;
  return Open(std::move(node), anchor);
}

bool TextBuilder::End() {
  if (failed_) return false;
  if (!ApplyMerges(frames_.back())) return false;
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  return Close(std::move(frame.node), frame.anchor, frame.weight);
}

bool TextBuilder::Close(TextNode node, Anchor anchor, const Weight& weight) {
  if (anchor != 0) {
    if (!Expand(weight, node.pos)) return false;  // the kept copy is an expansion too
    anchors_.insert_or_assign(anchor, Anchored{node, weight});
  }
  if (frames_.empty()) {
    root_ = std::move(node);
    return true;
  }
  Frame& frame = frames_.back();
  frame.weight.Add(weight);
  if (frame.node.IsList()) {
    frame.node.items.push_back(std::move(node));
    return true;
  }
  frame.have_key = false;
  if (!frame.key_is_merge) {
    AddEntry(frame, {std::move(frame.key), frame.key_pos, std::move(node)});
    return true;
  }
  if (node.IsMap()) {
    frame.merged.push_back(std::move(node));
    return true;
  }
  if (!node.IsList()) {
    return Fail(
        fmt::format("the merge key << takes a map or a list of maps, found {}", node.Describe()),
        node.pos);
  }
  for (TextNode& item : node.items) {
    if (!item.IsMap()) {
      return Fail(fmt::format("the merge key << takes maps only, found {}", item.Describe()),
                  item.pos);
    }
    frame.merged.push_back(std::move(item));
  }
  return true;
}

bool TextBuilder::ApplyMerges(Frame& frame) {
  for (TextNode& source : frame.merged) {
    for (TextEntry& entry : source.entries) {
      if (!HasKey(frame, entry.key)) AddEntry(frame, std::move(entry));
    }
  }
  frame.merged.clear();
  return true;
}

bool TextBuilder::Alias(TextPos pos, Anchor anchor) {
  if (!CountEvent(pos)) return false;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) return Fail("the alias stands inside its own anchor", pos);
  const Weight weight = found->second.weight;
  if (!Expand(weight, pos)) return false;
  if (frames_.size() + static_cast<size_t>(weight.height) >
      static_cast<size_t>(limits_.max_depth)) {
    return Fail(fmt::format("lists and maps are nested more than {} deep", limits_.max_depth), pos);
  }
  TextNode node = found->second.node;
  node.pos = pos;
  return Close(std::move(node), 0, weight);
}

}  // namespace graphkiln::text_internal
