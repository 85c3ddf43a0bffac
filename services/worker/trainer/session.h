// One job on one socket: reads the first command, runs it to its end, reports Finished. What a
// forked trainer and `kiln-trainer --single` do. Returns the process's exit code.
#pragma once

#include "common/base/clock.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::trainer {

/// 0 when Finished was delivered (whatever the outcome), 1 otherwise.
int ServeSession(worker::Fd socket, Clock& clock);

}  // namespace graphkiln::trainer
