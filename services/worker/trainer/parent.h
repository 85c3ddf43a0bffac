// The warm parent: a single-threaded process that has LibTorch loaded and warmed, and forks a
// trainer for every request in 2-3 ms. It trains nothing itself and never touches CUDA.
//
//   daemon -- ForkRequest + socket (+ log pipe) --> parent -- fork --> trainer serves that socket
//   daemon <-- ForkReply, ChildExit ------------ parent
//
// The end of the daemon's socket ends the parent, and with it (parent-death signal) every trainer.
// One thread.
#pragma once

#include "common/base/clock.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::trainer {

/// Returns the process's exit code when the socket has ended. In a forked trainer it does not
/// return.
int RunParent(worker::Fd socket, Clock& clock);

}  // namespace graphkiln::trainer
