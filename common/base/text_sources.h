// The two fronts of the text reader; called by text_reader.cc only, with checked UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/text_builder.h"
#include "common/base/text_reader.h"

namespace graphkiln::text_internal {

/// Feeds the events of the one YAML document in `bytes`; problems are in the builder's error().
void ReadYaml(std::string_view bytes, const TextLimits& limits, TextBuilder& builder);

/// The same for JSON (RFC 8259).
void ReadJson(std::string_view bytes, TextBuilder& builder);

/// A plain (unquoted) YAML scalar by the core schema of YAML 1.2. False, with a message, for an
/// integer that int64 cannot hold.
bool ResolvePlainScalar(std::string_view text, TextNode& node, std::string& message);

}  // namespace graphkiln::text_internal
