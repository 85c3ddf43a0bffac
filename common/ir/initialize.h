// First values of parameters: the same bytes on every machine, drawn from Philox keyed by the seed
// and the parameter's state_dict key. Used by `kiln init` and by the trainer.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graphkiln/v1/ir.pb.h"

namespace graphkiln::ir {

// Bytes that the parameter's values take. Refuses symbolic sizes.
absl::StatusOr<int64_t> ParameterBytes(const v1::IrParameter& parameter);

// Fills `out` (exactly ParameterBytes long, row-major). float32, float64 and int64 are supported;
// element i of the parameter depends on (seed, key, i) alone.
absl::Status FillInitial(const v1::IrParameter& parameter, uint64_t seed, absl::Span<char> out);

}  // namespace graphkiln::ir
