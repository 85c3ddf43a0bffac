// How the queue's listeners reach a stream. They are called on the store's writer thread among
// others, which must go on to the next commit: what a woken stream does (reading the log, parsing
// programs, serializing, writing) happens on the wake thread. Wakes that wait are joined into one.
// Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "services/coordinator/rpc/executor.h"
#include "services/coordinator/rpc/stream.h"

namespace graphkiln::coordinator {

inline std::function<void()> PostedWake(Executor& wakes, std::shared_ptr<StreamSink> sink) {
  auto waiting = std::make_shared<std::atomic<bool>>(false);
  return [&wakes, sink = std::move(sink), waiting] {
    if (waiting->exchange(true)) return;
    wakes.Post([sink, waiting] {
      waiting->store(false);  // before the wake: what comes now may not be seen by it
      sink->Wake();
    });
  };
}

}  // namespace graphkiln::coordinator
