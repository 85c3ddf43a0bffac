// Reading the parameters of a registered component (optimizer, schedule) of a job. Absent
// parameters have the given default; wrong kinds are the job's fault. Pure functions; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

absl::StatusOr<double> NumberParam(const api::Component& component, std::string_view name,
                                   double default_value);
absl::StatusOr<int64_t> IntParam(const api::Component& component, std::string_view name,
                                 int64_t default_value);
absl::StatusOr<bool> BoolParam(const api::Component& component, std::string_view name,
                               bool default_value);
absl::StatusOr<std::vector<double>> NumbersParam(const api::Component& component,
                                                 std::string_view name,
                                                 std::vector<double> default_value);

}  // namespace graphkiln::trainer
