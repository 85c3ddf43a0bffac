// Which part of a tensor an operator means: for those that take it (index.cc) and those that write
// to it (scatter.cc).
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {

// `self` has a dimension.
absl::Status NeedsDims(TypeContext& c, std::string_view rule);
// Positions are int64 or int32.
absl::Status CheckIndex(TypeContext& c, const TensorType& index, int list_index = -1);
// `index` may be smaller than `other` in every dimension, apart from `dim` where `skip` says so.
absl::Status IndexFits(TypeContext& c, std::string_view rule, std::string_view other, int dim,
                       bool skip);

// self[start:end:step] along dim.
absl::StatusOr<TensorType> SliceType(TypeContext& c);
// self[i, :, j]: the index tensors broadcast; their dimensions take the place of the first one
// where they stand side by side, and come first otherwise.
// Where `masks` are legal, a mask of truth values covers as many dimensions as it has; how many
// elements it names is known only as the program runs, and stands in the result as 1: what
// broadcasts with that broadcasts with every number.
absl::StatusOr<TensorType> IndexedType(TypeContext& c, bool masks = false);

Rule GatherRule();
std::vector<Rule> SliceRules();
std::vector<Rule> IndexRules();

}  // namespace graphkiln::ir::ops
