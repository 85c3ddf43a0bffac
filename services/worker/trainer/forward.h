// One forward of a program on given weights and inputs (`kiln run`, `kiln verify`). Not
// thread-safe.
#pragma once

#include <c10/core/Device.h>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

/// Reads weights and inputs, writes the outputs by name, fills `outputs` and `seconds` of
/// `finished`.
absl::Status RunForwardOnce(const v1::RunForward& request, c10::Device device, Clock& clock,
                            v1::Finished* finished);

}  // namespace graphkiln::trainer
