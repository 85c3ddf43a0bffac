// Which format a file has, told by its content. Called by whoever reads files of models (the
// command line). Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/text_reader.h"

namespace graphkiln::formats {

/// The formats that files of models may have; `native` is GraphKiln's own, `ir` its program of
/// operators as JSON.
const std::vector<std::string_view>& FormatNames();

/// The format of a file that is no text; empty where it may be one.
std::string_view TellBinary(std::string_view bytes);

/// The format of a text; empty for the native form and for what is no format at all: the native
/// reader says best what is wrong with it.
std::string_view TellText(const TextNode& root);

}  // namespace graphkiln::formats
