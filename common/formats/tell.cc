#include "common/formats/tell.h"

#include <algorithm>
#include <initializer_list>

namespace graphkiln::formats {
namespace {

bool HasKeys(const TextNode& root, std::initializer_list<std::string_view> keys) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](std::string_view key) { return root.Find(key) != nullptr; });
}

bool IsVisDL(const TextNode* nodes) {
  return nodes != nullptr && nodes->IsList() && !nodes->items.empty() &&
         nodes->items[0].Find("node_type") != nullptr;
}

}  // namespace

const std::vector<std::string_view>& FormatNames() {
  static const auto* const kNames = new std::vector<std::string_view>{
      "native", "torchcanvas", "visdl", "torcharc", "canvas", "pytorch_ir", "onnx", "pt2", "ir"};
  return *kNames;
}

std::string_view TellBinary(std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04")) return "pt2";
  // ONNX begins with the varint field ir_version and names its producer; no text has these bytes.
  if (bytes.size() > 2 && bytes[0] == '\x08' && bytes[1] > 0 && bytes[1] < 32) return "onnx";
  return "";
}

std::string_view TellText(const TextNode& root) {
  if (!root.IsMap() || root.Find("graphkiln") != nullptr) return "";
  const TextNode* nodes = root.Find("nodes");
  const bool listed = nodes != nullptr && nodes->IsList();
  const TextNode* modules = root.Find("modules");
  if (modules != nullptr && modules->IsMap() && nodes == nullptr) return "torcharc";
  if (listed && HasKeys(root, {"weights", "inputs", "outputs"})) return "pytorch_ir";
  if (IsVisDL(nodes)) return "visdl";
  const TextNode* graph = root.Find("graph");
  if (graph != nullptr && IsVisDL(graph->Find("nodes"))) return "visdl";  // saved, or with a config
  if (listed && HasKeys(root, {"edges"})) return "torchcanvas";
  if (HasKeys(root, {"regions"})) return "canvas";
  if (HasKeys(root, {"schema_version", "values", "outputs"})) return "ir";
  return "";
}

}  // namespace graphkiln::formats
