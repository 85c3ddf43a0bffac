// One node as a layer of TorchArc: `{Class: arguments}`. Used by the writer of files. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/compiler/compile.h"
#include "common/formats/raw.h"

namespace graphkiln::formats::torcharc {

/// `instance` (may be null) is the node as it was typed: it has sizes that are inferred and values
/// of expressions. The status tells what the format lacks.
absl::StatusOr<Json> LayerJson(const v1::Node& node, const compiler::Instance* instance);

}  // namespace graphkiln::formats::torcharc
