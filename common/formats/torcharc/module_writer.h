// One node as an entry of a TorchArc file's `modules`: a layer or a Sequential of layers. Used by
// the reader (to see what it need not keep) and the writer. Pure.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/strings.h"
#include "common/formats/torcharc/layer_writer.h"

namespace graphkiln::formats::torcharc {

// What compiling tells of the nodes.
class Sites {
 public:
  /// `compiled` may be null, and lives as long.
  explicit Sites(const compiler::CompileResult* compiled);

  /// Of a node, or of the child `id/child` of one.
  Site At(const std::string& key) const;

 private:
  StringMap<const compiler::Instance*> instances_;
  const ir::Module* program_ = nullptr;
};

/// Whether the Sequential holds what one of TorchArc can: layers, one behind the other.
bool IsPlainSequential(const v1::Node& node);

/// The status tells what the format lacks.
absl::StatusOr<Json> ModuleJson(const v1::Node& node, const Sites& sites);

/// The same for a node that alone says all of it.
std::optional<Json> PlainModule(const v1::Node& node);

/// The entry `kept` as it was read, where the node still is what it says.
std::optional<Json> KeptModule(const v1::Value& kept, const v1::Node& node);

}  // namespace graphkiln::formats::torcharc
