#include "services/worker/trainer/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "services/worker/trainer/component.h"
#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

using Rate = std::function<double(int64_t)>;

absl::StatusOr<Rate> StepLr(const api::Component& c, double base) {
  ASSIGN_OR_RETURN(const int64_t step_size, IntParam(c, "step_size", 1));
  ASSIGN_OR_RETURN(const double gamma, NumberParam(c, "gamma", 0.1));
  if (step_size < 1) return UserFault(reason::kUnsupported, "StepLR: step_size must be 1 or more");
  return Rate(
      [=](int64_t e) { return base * std::pow(gamma, static_cast<double>(e / step_size)); });
}

absl::StatusOr<Rate> MultiStepLr(const api::Component& c, double base) {
  ASSIGN_OR_RETURN(const std::vector<double> milestones, NumbersParam(c, "milestones", {}));
  ASSIGN_OR_RETURN(const double gamma, NumberParam(c, "gamma", 0.1));
  return Rate([=](int64_t e) {
    const auto passed = std::count_if(milestones.begin(), milestones.end(), [&](double milestone) {
      return milestone <= static_cast<double>(e);
    });
    return base * std::pow(gamma, static_cast<double>(passed));
  });
}

absl::StatusOr<Rate> ExponentialLr(const api::Component& c, double base) {
  ASSIGN_OR_RETURN(const double gamma, NumberParam(c, "gamma", 0.1));
  return Rate([=](int64_t e) { return base * std::pow(gamma, static_cast<double>(e)); });
}

absl::StatusOr<Rate> CosineAnnealingLr(const api::Component& c, double base) {
  ASSIGN_OR_RETURN(const double t_max, NumberParam(c, "T_max", 1));
  ASSIGN_OR_RETURN(const double eta_min, NumberParam(c, "eta_min", 0));
  if (!(t_max > 0)) {
    return UserFault(reason::kUnsupported, "CosineAnnealingLR: T_max must be above 0");
  }
  return Rate([=](int64_t e) {
    const double angle = std::numbers::pi * static_cast<double>(e) / t_max;
    return eta_min + (base - eta_min) * (1 + std::cos(angle)) / 2;
  });
}

absl::StatusOr<Rate> LinearLr(const api::Component& c, double base) {
  ASSIGN_OR_RETURN(const double start, NumberParam(c, "start_factor", 1.0 / 3));
  ASSIGN_OR_RETURN(const double end, NumberParam(c, "end_factor", 1.0));
  ASSIGN_OR_RETURN(const int64_t total, IntParam(c, "total_iters", 5));
  return Rate([=](int64_t e) {
    const double share =
        total > 0 ? static_cast<double>(std::min(e, total)) / static_cast<double>(total) : 1.0;
    return base * (start + (end - start) * share);
  });
}

absl::StatusOr<Rate> ConstantLr(const api::Component& c, double base) {
  ASSIGN_OR_RETURN(const double factor, NumberParam(c, "factor", 1.0 / 3));
  ASSIGN_OR_RETURN(const int64_t total, IntParam(c, "total_iters", 5));
  return Rate([=](int64_t e) { return e < total ? base * factor : base; });
}

struct Row {
  std::string_view type;
  absl::StatusOr<Rate> (*make)(const api::Component&, double);
};

constexpr Row kTable[] = {
    {"StepLR", StepLr},
    {"MultiStepLR", MultiStepLr},
    {"ExponentialLR", ExponentialLr},
    {"CosineAnnealingLR", CosineAnnealingLr},
    {"LinearLR", LinearLr},
    {"ConstantLR", ConstantLr},
};

}  // namespace

absl::StatusOr<Schedule> Schedule::Create(const api::Component& component, double base_rate) {
  if (component.type().empty()) return Schedule([base_rate](int64_t) { return base_rate; });
  for (const Row& row : kTable) {
    if (row.type == component.type()) {
      ASSIGN_OR_RETURN(Rate rate, row.make(component, base_rate));
      return Schedule(std::move(rate));
    }
  }
  return UserFault(reason::kUnsupported,
                   fmt::format("scheduler {} is not implemented", component.type()));
}

}  // namespace graphkiln::trainer
