// Names and unique ids of stored things (jobs, graphs, workers, leases).
#pragma once

#include <string>
#include <string_view>

#include "common/base/random.h"

namespace graphkiln {

/// 128 random bits as 32 lower-case hex characters.
std::string NewUid(RandomSource& random);

/// True for names that users may give to stored things: [a-z]([a-z0-9-]{0,61}[a-z0-9])?
bool IsResourceId(std::string_view text);

/// A resource id made from any text (a file or graph name): lower case, runs of other characters
/// become one '-', cut to 63; "x" when nothing is left.
std::string ToResourceId(std::string_view text);

}  // namespace graphkiln
