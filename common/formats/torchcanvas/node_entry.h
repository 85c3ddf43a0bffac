// One entry of `nodes` of a TorchCanvas file <-> a node without inputs. Used by reader and writer.
// Pure.
#pragma once

#include "common/base/text_reader.h"
#include "common/formats/raw.h"
#include "common/formats/torchcanvas/types.h"

namespace graphkiln::formats::torchcanvas {

/// REQUIRES: a map with a text `type` that the format has, `params` a map, null or absent.
ReadNode EntryNode(const TextNode& entry);

/// The entry as the writer chooses it, without `id`: `type` and `params`. Nothing where the format
/// lacks the node.
std::optional<Json> PlainEntry(const v1::Node& node);

/// Equal for nodes that are the same but for id and inputs.
std::string Meaning(const v1::Node& node);

}  // namespace graphkiln::formats::torchcanvas
