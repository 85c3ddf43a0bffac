#include "common/jobs/split_check.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/shares.h"
#include "common/jobs/faults.h"

namespace graphkiln::jobs {

void CheckSplit(const v1::SplitSpec& split, int64_t rows,
                std::vector<v1::Diagnostic>* diagnostics) {
  for (const auto& [key, fraction] : {std::pair{"data.split.validation", split.validation()},
                                      std::pair{"data.split.test", split.test()}}) {
    if (!(fraction > 0) || RowsOfShare(fraction, rows) > 0) continue;
    auto* fault = AddFault(diagnostics, "KEY_RANGE", key,
                           fmt::format("{} of {} rows rounds to no row", fraction, rows));
    fault->set_expected(fmt::format("0, or at least {:.3g}", 0.5 / static_cast<double>(rows)));
    fault->set_found(fmt::format("{}", fraction));
  }
}

}  // namespace graphkiln::jobs
