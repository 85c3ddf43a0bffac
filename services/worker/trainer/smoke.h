// A smoke run: a short proof that a model trains. One batch is taken and fitted for a number of
// steps; the verdict says whether the loss fell and which parameters receive no gradient. Not
// thread-safe.
#pragma once

#include "absl/status/status.h"
#include "services/worker/trainer/channel.h"
#include "services/worker/trainer/setup.h"

namespace graphkiln::trainer {

/// Emits step events and a verdict. SMOKE_FAILED (the job's fault) where the model does not train.
absl::Status RunSmoke(Setup& setup, Channel& channel, v1::Finished* finished);

}  // namespace graphkiln::trainer
