#include "services/worker/trainer/torch_guard.h"

#include <fmt/format.h>

#include <string>

#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

constexpr size_t kMaxMessage = 600;

// LibTorch's CPU allocator has no exception type of its own.
bool SaysOutOfMemory(std::string_view text) {
  return text.find("can't allocate memory") != std::string_view::npos ||
         text.find("not enough memory") != std::string_view::npos ||
         text.find("out of memory") != std::string_view::npos;
}

absl::Status Make(std::string_view where, std::string_view text, bool out_of_memory) {
  // The first line holds the message; further lines are the place in LibTorch's sources.
  text = text.substr(0, text.find('\n'));
  if (text.size() > kMaxMessage) text = text.substr(0, kMaxMessage);
  const std::string message =
      where.empty() ? std::string(text) : fmt::format("{}: {}", where, text);
  return out_of_memory ? MachineFault(reason::kOutOfMemory, message)
                       : UserFault(reason::kOperatorFailed, message);
}

}  // namespace

absl::Status FromTorchError(std::string_view where, const c10::Error& error) {
  const std::string_view text = error.what_without_backtrace();
  const bool out_of_memory =
      dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr || SaysOutOfMemory(text);
  return Make(where, text, out_of_memory);
}

absl::Status FromStdError(std::string_view where, const std::exception& error) {
  const bool out_of_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
  return Make(where, error.what(), out_of_memory || SaysOutOfMemory(error.what()));
}

}  // namespace graphkiln::trainer
