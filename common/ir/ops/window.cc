#include "common/ir/ops/window.h"

#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

constexpr int64_t kMost = (int64_t{1} << 31) - 1;

}  // namespace

absl::StatusOr<std::vector<int64_t>> WindowInts(TypeContext& c, std::string_view arg, int spatial,
                                                int64_t least) {
  const std::vector<int64_t> numbers = c.Ints(arg, spatial);
  // Open sizes are no numbers: `Dims` has them, `Ints` reads 0.
  const bool open = [&] {
    for (const Dim& dim : c.Dims(arg)) {
      if (!dim.IsConst()) return true;
    }
    return false;
  }();
  const std::string expected =
      fmt::format("{} fixed number{} of {} or more", spatial, spatial > 1 ? "s" : "", least);
  if (open || static_cast<int>(numbers.size()) != spatial) {
    return c.Fail("WINDOW_C1", arg,
                  fmt::format("{} must have one fixed number for each spatial dimension", arg),
                  expected, open ? "an open size" : fmt::format("{} numbers", numbers.size()),
                  "PARAM_RANGE");
  }
  for (const int64_t n : numbers) {
    if (n >= least && n <= kMost) continue;
    return c.Fail("WINDOW_C1", arg, fmt::format("{} is out of range", arg), expected,
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
