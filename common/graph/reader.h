// What the readers of graphs and composites share: findings with positions, checks of kinds,
// values, arguments.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

class Reader {
 public:
  Reader(std::string_view file, SourceMap* positions, std::vector<v1::Diagnostic>* diagnostics)
      : file_(file), positions_(positions), diagnostics_(diagnostics) {
    if (positions_ != nullptr) positions_->file = file_;
  }

  v1::Diagnostic& Error(std::string_view code, const TextPos& pos, std::string path,
                        std::string message);
  v1::Diagnostic& Warning(std::string_view code, const TextPos& pos, std::string path,
                          std::string message);
  void Place(std::string path, const TextPos& pos) {
    if (positions_ != nullptr) positions_->Add(std::move(path), pos);
  }

  // The value under `key`, where it has the wanted kind; a wrong kind is reported.
  const TextNode* Map(const TextNode& in, std::string_view key, const std::string& path);
  const TextNode* List(const TextNode& in, std::string_view key, const std::string& path);
  std::string Text(const TextNode& in, std::string_view key, const std::string& path);
  bool Expect(const TextNode& node, TextNode::Kind kind, const std::string& path);

  // Keeps unknown keys in `extra` and warns about each.
  void Unknown(const TextNode& map, std::initializer_list<std::string_view> known,
               const std::string& path, v1::MapValue* extra);

  // An argument: reference, list, map, literal. `is_id` tells which names exist, for references
  // with ports.
  v1::Argument Argument(const TextNode& node, const StringSet& ids, const std::string& path);
  void NodeInputs(const TextNode& node, const StringSet& ids, const std::string& path,
                  v1::Node* out);
  // type, in, params, module, mode, compile, doc of one node.
  void Node(const TextEntry& entry, const StringSet& ids, const std::string& path, v1::Node* out,
            std::initializer_list<std::string_view> more_keys) {
    Node(entry.key, entry.key_pos, entry.value, ids, path, out, more_keys);
  }
  // when and repeat of a node inside of a composite or container.
  void Presence(const TextNode& node, const std::string& path, v1::CompositeNode* out);
  void Params(const TextNode& map, const std::string& path, v1::Node* out);
  // Name to argument.
  void Outputs(const TextNode& map, const StringSet& ids, const std::string& path,
               google::protobuf::RepeatedPtrField<v1::GraphOutput>* out);

 private:
  void Node(const std::string& id, const TextPos& pos, const TextNode& node, const StringSet& ids,
            const std::string& path, v1::Node* out,
            std::initializer_list<std::string_view> more_keys);
  // What a container holds: a list, or a map by key. The text reader bounds the depth.
  void Children(const TextNode& node, const std::string& path, v1::Node* out);
  v1::Diagnostic& Add(v1::Severity severity, std::string_view code, const TextPos& pos,
                      std::string path, std::string message);

  const std::string file_;
  SourceMap* positions_;
  std::vector<v1::Diagnostic>* diagnostics_;
  v1::Diagnostic dropped_;
};

// One composite of a `composites:` map.
v1::Composite ReadComposite(const TextEntry& entry, const std::string& path, Reader& reader);

}  // namespace graphkiln::graph
