// One node as a layer of TorchArc: `{Class: arguments}`. Used by the writer of files. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/compiler/compile.h"
#include "common/formats/raw.h"

namespace graphkiln::formats::torcharc {

/// The node as it was typed: with sizes that are inferred and values of expressions. Both are null
/// where that is not known.
struct Site {
  const compiler::Instance* instance = nullptr;
  const ir::Module* program = nullptr;
};

/// Whether one layer can be a node of this type, with parameters that it can say.
bool HasClass(std::string_view type);

/// The status tells what the format lacks.
absl::StatusOr<Json> LayerJson(const v1::Node& node, const Site& site);

}  // namespace graphkiln::formats::torcharc
