// The stable codes of faults in job files, and helpers that build and place diagnostics.
//
// Used by the reader and by ResolveJob; `kiln explain CODE` prints the table. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "common/compiler/codes.h"
#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::jobs {

/// The pages of the codes that job files add to the compiler's.
absl::Span<const compiler::CodePage> JobCodePages();

/// Where each key path stands in its file; a line of 0 means that it came from `--set`.
using JobPositions = StringMap<TextPos>;

/// Appends an error and returns it for further fields.
v1::Diagnostic* AddFault(std::vector<v1::Diagnostic>* diagnostics, std::string_view code,
                         std::string_view path, std::string message);

/// True where an error stands at `path` or at a section above it.
bool HasErrorAt(const std::vector<v1::Diagnostic>& diagnostics, std::string_view path);

/// Fills in file, line and column of diagnostics that have a path and no line yet: the place of the
/// path, else of the nearest section above it.
void Locate(const JobPositions& positions, std::string_view file,
            std::vector<v1::Diagnostic>* diagnostics);

/// Adds the fix "write NAME instead" (words only: job files have no machine edits).
void SuggestName(v1::Diagnostic* diagnostic, std::string_view name,
                 absl::Span<const std::string> candidates);

}  // namespace graphkiln::jobs
