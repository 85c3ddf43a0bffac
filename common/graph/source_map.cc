#include "common/graph/source_map.h"

#include <vector>

namespace graphkiln::graph {

void SourceMap::Locate(v1::Diagnostic& diagnostic) const {
  if (diagnostic.file().empty()) diagnostic.set_file(file);
  if (diagnostic.line() > 0) return;
  std::vector<std::string> paths;
  if (!diagnostic.node().empty()) {
    const std::string node = "nodes." + diagnostic.node();
    if (!diagnostic.path().empty()) {
      const std::string inside = node + "/" + diagnostic.path();
      if (!diagnostic.param().empty()) paths.push_back(inside + ".params." + diagnostic.param());
      paths.push_back(inside);
    }
    if (!diagnostic.param().empty()) paths.push_back(node + ".params." + diagnostic.param());
    if (!diagnostic.port().empty()) {
      // `inputs[1]` is a part of what is written at `inputs`.
      paths.push_back(node + ".in." + diagnostic.port());
      paths.push_back(node + ".in." + diagnostic.port().substr(0, diagnostic.port().find('[')));
      paths.push_back(node + ".in");
    }
    // Formats other than our own keep what a node is apart from how it is connected.
    const bool at_type = !diagnostic.param().empty() && !file_paths.empty();
    if (diagnostic.code() == "UNKNOWN_TYPE" || at_type) paths.push_back(node + ".type");
    if (diagnostic.code() == "SHARED_MODULE") paths.push_back(node + ".module");
    paths.push_back(node);
  }
  if (!diagnostic.path().empty()) paths.push_back(diagnostic.path());
  for (const std::string& path : paths) {
    const auto it = by_path.find(path);
    if (it == by_path.end()) continue;
    diagnostic.set_line(it->second.line);
    diagnostic.set_column(it->second.column);
    const auto named = file_paths.find(path);
    if (named != file_paths.end()) {
      diagnostic.set_path(named->second);
    } else if (diagnostic.path().empty()) {
      diagnostic.set_path(path);
    }
    return;
  }
}

}  // namespace graphkiln::graph
