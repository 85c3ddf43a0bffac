#include "common/ir/ops/window.h"

#include <algorithm>

#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

constexpr int64_t kMost = (int64_t{1} << 31) - 1;

// Open sizes are no numbers: `Ints` reads them as 0.
bool HasOpenSize(const Argument& arg) {
  if (arg.As<Dim>() != nullptr) return true;
  const auto* list = arg.As<Argument::List>();
  return list != nullptr && std::any_of(list->begin(), list->end(), [](const Argument& item) {
           return item.As<Dim>() != nullptr;
         });
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> WindowInts(TypeContext& c, std::string_view arg, int spatial,
                                                int64_t least) {
  std::vector<int64_t> numbers = c.Ints(arg, spatial);
  const bool open = HasOpenSize(c.arg(arg));
  const auto expected = [&] {
    return fmt::format("{} fixed number{} of {} or more", spatial, spatial > 1 ? "s" : "", least);
  };
  if (open || static_cast<int>(numbers.size()) != spatial) {
    return c.Fail("WINDOW_C1", arg,
                  fmt::format("{} must have one fixed number for each spatial dimension", arg),
                  expected(), open ? "an open size" : fmt::format("{} numbers", numbers.size()),
                  "PARAM_RANGE");
  }
  for (const int64_t n : numbers) {
    if (n >= least && n <= kMost) continue;
    return c.Fail("WINDOW_C1", arg, fmt::format("{} is out of range", arg), expected(),
                  fmt::format("{}", n), "PARAM_RANGE");
  }
  return numbers;
}

Rule WindowRule() {
  return {"WINDOW_C1",
          "kernel, stride, padding and dilation hold one number in range for each spatial "
          "dimension"};
}

absl::Status NonEmpty(TypeContext& c, std::string_view rule, std::string_view arg, int first) {
  const TensorType& type = c.tensor(arg);
  for (int d = first; d < type.rank(); ++d) {
    if (c.AtLeast(type.dim(d), 1)) continue;
    return c.Fail(rule, arg, fmt::format("dimension {} of {} is empty", d, arg),
                  "a size of 1 or more", TypeText(type));
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::ir::ops
