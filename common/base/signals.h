// What every program says of signals before it writes a file.
#pragma once

#include <signal.h>

namespace graphkiln {

/// A limit of file sizes (`ulimit -f`) becomes an error of the call that writes, told like a full
/// disk, in place of an end without a word. Children inherit it.
inline void IgnoreFileSizeSignal() { ::signal(SIGXFSZ, SIG_IGN); }

}  // namespace graphkiln
