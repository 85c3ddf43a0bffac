// Where each part of a graph stands in its file, so that the compiler's findings carry file, line
// and column.
//
// Filled by the text reader, asked by the compiler. A plain value.
#pragma once

#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::graph {

struct SourceMap {
  std::string file;
  // `nodes.fc1`, `nodes.fc1.type`, `nodes.fc1.params.bias`, `nodes.fc1.in.input`, `inputs.x`,
  // `outputs.y`, ... Inside of a node `nodes.body/Sequential.1`,
  // `nodes.body/Sequential.1.params.p`.
  StringMap<TextPos> by_path;

  // What the file itself calls a place, where its form is not the native one.
  StringMap<std::string> file_paths;

  void Add(std::string path, TextPos pos) { by_path.emplace(std::move(path), pos); }
  void Add(std::string path, TextPos pos, std::string file_path) {
    file_paths.emplace(path, std::move(file_path));
    by_path.emplace(std::move(path), pos);
  }
  // Fills in file, line, column and path from node, port and param (or path), by the most specific
  // part known. A position that is there already stays.
  void Locate(v1::Diagnostic& diagnostic) const;
};

}  // namespace graphkiln::graph
