#include <charconv>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/job_file.h"
#include "common/jobs/schema.h"
#include "fmt/format.h"

namespace graphkiln::jobs {
namespace {

constexpr size_t kMaxParts = 16;

TextNode EmptyMap() {
  TextNode node;
  node.kind = TextNode::Kind::kMap;
  return node;
}

TextNode* ChildOf(TextNode* parent, const std::string& key) {
  if (parent->IsList()) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error == std::errc() && end == key.data() + key.size() && index < parent->items.size()) {
      return &parent->items[index];
    }
  }
  if (!parent->IsMap()) {
    // A component may be written as its bare name: `optimizer: Adam` and --set optimizer.lr=0.1.
    TextNode map = EmptyMap();
    if (parent->IsString()) {
      TextNode name = *parent;
      map.entries.push_back({"type", name.pos, std::move(name)});
    }
    map.pos = parent->pos;
    *parent = std::move(map);
  }
  for (TextEntry& entry : parent->entries) {
    if (entry.key == key) return &entry.value;
  }
  parent->entries.push_back({key, TextPos(), TextNode()});
  return &parent->entries.back().value;
}

// `--set data.dataset=x` means x instead of the file's csv, not both.
void DropRivals(const Override& change, TextNode* document) {
  if (change.path.size() < 2 || change.path[0] != "data") return;
  const KeySpec* key = FindKey(fmt::format("data.{}", change.path[1]));
  if (key == nullptr || key->group.empty()) return;
  TextNode* data = ChildOf(document, "data");
  std::erase_if(data->entries, [&](const TextEntry& entry) {
    const KeySpec* other = FindKey(fmt::format("data.{}", entry.key));
    return other != nullptr && other != key && other->group == key->group;
  });
}

// A place in the text of a flag would be taken for one in the job file.
void ForgetPositions(TextNode* root) {
  std::vector<TextNode*> open = {root};
  while (!open.empty()) {
    TextNode* node = open.back();
    open.pop_back();
    node->pos = TextPos();
    for (TextNode& item : node->items) open.push_back(&item);
    for (TextEntry& entry : node->entries) {
      entry.key_pos = TextPos();
      open.push_back(&entry.value);
    }
  }
}

}  // namespace

absl::StatusOr<Override> ParseOverride(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(fmt::format(
        "--set takes KEY=VALUE such as optimizer.lr=0.1, not {}", QuoteForMessage(text)));
  }
  Override change;
  for (const std::string_view part : SplitView(text.substr(0, equals), '.')) {
    if (part.empty() || change.path.size() == kMaxParts) {
      return absl::InvalidArgumentError(
          fmt::format("--set: {} is no key path", QuoteForMessage(text.substr(0, equals))));
    }
    change.path.emplace_back(part);
  }
  const std::string_view value = TrimView(text.substr(equals + 1));
  if (value.empty()) return change;  // null: as if absent
  // A text that begins with a bracket is taken for JSON; here it is YAML's looser form, such as [a,
  // b].
  const bool flow = value.front() == '{' || value.front() == '[';
  auto node =
      ReadText(flow ? fmt::format("v: {}", value) : std::string(value), TextLimits(), nullptr);
  if (node.ok() && flow) {
    TextNode inner = std::move(node->entries[0].value);
    node = std::move(inner);
  }
  if (!node.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("--set {}: {}", QuoteForMessage(text), MessageOf(node.status())));
  }
  change.value = *std::move(node);
  ForgetPositions(&change.value);
  return change;
}

void ApplyOverride(const Override& change, TextNode* document) {
  DropRivals(change, document);
  TextNode* at = document;
  for (const std::string& part : change.path) at = ChildOf(at, part);
  *at = change.value;
}

}  // namespace graphkiln::jobs
