// The nodes and edges of a VisDL graph as they stand there, checked one by one and linked by index.
// Used by the reader. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "common/formats/visdl/types.h"
#include "common/graph/reader.h"
#include "common/graph/source_map.h"

namespace graphkiln::formats::visdl {

/// An edge, kept at its target.
struct Source {
  int from = -1;          // index of an entry; -1: the data set
  std::string_view port;  // our name of its output
  int64_t order = 0;
  TextPos pos;
  std::string path;
};

struct Entry {
  std::string id, path;
  const TextNode* value = nullptr;
  TextPos pos;                          // of the id
  const TypeRow* row = nullptr;         // null where the node cannot be read
  std::vector<std::vector<Source>> in;  // by handle
  bool read = false;                    // by another

  bool HasInput() const;
};

class Entries {
 public:
  Entries(graph::Reader& report, graph::SourceMap* positions)
      : report_(report), positions_(positions) {}

  /// False, with a finding, where there is nothing to go on with. `prefix` is in front of key
  /// paths.
  bool Read(const TextNode& document, const std::string& prefix);

  v1::Diagnostic& Error(std::string_view code, const TextPos& pos, const std::string& path,
                        std::string message, const std::string& node);

  std::vector<Entry>& all() { return all_; }
  bool Has(std::string_view id) const { return by_id_.contains(id); }

 private:
  void ReadNode(const TextNode& value, const std::string& path);
  void UnknownType(const TextNode& type, const std::string& path, const std::string& node);
  void CheckParams(const Entry& entry, const TextNode* params);
  int Known(const TextNode& edge, std::string_view key, const std::string& path);
  void ReadEdge(const TextNode& edge, const std::string& path);
  // The output that an edge names, and the handle that it leads to; 0 where there is none such.
  std::string_view Output(const TextNode& edge, const Entry& source, const std::string& path);
  size_t HandleOf(const TextNode& edge, const Entry& target, const std::string& path);

  graph::Reader& report_;
  graph::SourceMap* positions_;
  std::vector<Entry> all_;
  StringMap<int> by_id_;
  int suggestions_ = 0;
};

}  // namespace graphkiln::formats::visdl
