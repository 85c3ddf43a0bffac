// The nodes and edges of a TorchCanvas file as they stand there, checked one by one and linked by
// index. Used by the reader. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "common/formats/torchcanvas/types.h"
#include "common/graph/reader.h"
#include "common/graph/source_map.h"

namespace graphkiln::formats::torchcanvas {

/// An edge, kept at its target.
struct Source {
  int from = -1;  // index of an entry
  TextPos pos;
  std::string path;
};

struct Entry {
  std::string id, path;
  const TextNode* value = nullptr;
  TextPos pos;                   // of the id
  const TypeRow* row = nullptr;  // null: an Input, an Output, or of no known type
  bool input = false, output = false;
  bool readable = false;  // the type is known, params are a map
  std::vector<Source> in;
};

class Entries {
 public:
  Entries(graph::Reader& report, graph::SourceMap* positions)
      : report_(report), positions_(positions) {}

  /// False, with a finding, where there is nothing to go on with.
  bool Read(const TextNode& root);

  /// The entry that a text of the file names; -1, with a finding, where there is none.
  int Find(const TextNode& name, const std::string& path, std::string_view what);
  /// `wanted`, or something like it that no entry is called; taken from then on.
  std::string FreeId(std::string wanted);

  v1::Diagnostic& Error(std::string_view code, const TextPos& pos, const std::string& path,
                        std::string message, const std::string& node);

  const std::vector<Entry>& all() const { return all_; }
  const Entry& at(int index) const { return all_[static_cast<size_t>(index)]; }
  /// (source, target) as listed.
  const std::vector<std::pair<int, int>>& edges() const { return edges_; }

 private:
  void ReadNode(const TextNode& value, size_t index);
  void CheckParams(const Entry& entry, const TextNode* params);
  void ReadEdge(const TextNode& edge, size_t index);

  graph::Reader& report_;
  graph::SourceMap* positions_;
  std::vector<Entry> all_;
  StringMap<int> by_id_;
  std::vector<std::pair<int, int>> edges_;
  int suggestions_ = 0;
};

}  // namespace graphkiln::formats::torchcanvas
