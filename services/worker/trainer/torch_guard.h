// The one place where LibTorch's exceptions become statuses. Every call into ATen that can fail on
// outside input goes through CatchTorch; nothing throws beyond this library. Any thread.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace graphkiln::trainer {

/// What an exception means: out of memory is the machine's fault (OUT_OF_MEMORY), all else is an
/// operator that refused its arguments (OPERATOR_FAILED). `where` is put before the message.
absl::Status FromTorchError(std::string_view where, const c10::Error& error);
absl::Status FromStdError(std::string_view where, const std::exception& error);

/// Runs `work` (returning void); `where()` gives the place for the message, made only on failure.
template <class Where, class Work>
absl::Status CatchTorch(Where&& where, Work&& work) {
  try {
    std::forward<Work>(work)();
    return absl::OkStatus();
  } catch (const c10::Error& error) {
    return FromTorchError(where(), error);
  } catch (const std::exception& error) {
    return FromStdError(where(), error);
  }
}

}  // namespace graphkiln::trainer
