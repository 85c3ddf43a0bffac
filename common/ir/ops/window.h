// What sliding windows share: their lists of numbers, one for each spatial dimension. Called by the
// type rules of convolutions, pools and folds.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {

// The list argument `arg`, a single number standing for `spatial` equal ones. Fails with WINDOW_C1
// unless it holds `spatial` fixed numbers from `least` to 2^31 - 1, which also keeps all products
// of two of them from overflowing.
absl::StatusOr<std::vector<int64_t>> WindowInts(TypeContext& c, std::string_view arg, int spatial,
                                                int64_t least);
Rule WindowRule();

// Fails with `rule` where a dimension from `first` on is known to be 0: no window fits there.
absl::Status NonEmpty(TypeContext& c, std::string_view rule, std::string_view arg, int first);

}  // namespace graphkiln::ir::ops
