#include "services/worker/trainer/schedule.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

std::vector<double> Rates(const std::string& type, const std::string& params, int epochs) {
  api::Component component;
  component.set_type(type);
  const auto json = nlohmann::json::parse(params);
  for (const auto& [name, value] : json.items()) {
    api::Value& proto = (*component.mutable_params())[name];
    if (value.is_array()) {
      for (const auto& item : value) proto.mutable_list_value()->add_values()->set_int_value(item);
    } else if (value.is_number_integer()) {
      proto.set_int_value(value);
    } else {
      proto.set_double_value(value);
    }
  }
  const auto schedule = Schedule::Create(component, 1.0);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  std::vector<double> rates;
  for (int epoch = 1; epoch <= epochs; ++epoch) rates.push_back(schedule->RateAt(epoch));
  return rates;
}

using ::testing::Pointwise;

// Expected values: torch.optim.lr_scheduler of PyTorch 2.11 with lr = 1, stepped once per epoch.
TEST(ScheduleTest, EqualsTorch) {
  const auto near = [](std::vector<double> expected) {
    return Pointwise(::testing::DoubleNear(1e-12), expected);
  };
  EXPECT_THAT(Rates("StepLR", R"({"step_size": 2, "gamma": 0.5})", 5),
              near({1, 1, 0.5, 0.5, 0.25}));
  EXPECT_THAT(Rates("MultiStepLR", R"({"milestones": [1, 3], "gamma": 0.1})", 5),
              near({1, 0.1, 0.1, 0.01, 0.01}));
  EXPECT_THAT(Rates("ExponentialLR", R"({"gamma": 0.5})", 3), near({1, 0.5, 0.25}));
  EXPECT_THAT(Rates("CosineAnnealingLR", R"({"T_max": 4, "eta_min": 0.2})", 5),
              near({1, 0.6 + 0.4 * std::sqrt(0.5), 0.6, 0.6 - 0.4 * std::sqrt(0.5), 0.2}));
  EXPECT_THAT(Rates("LinearLR", R"({"start_factor": 0.5, "end_factor": 1.0, "total_iters": 2})", 4),
              near({0.5, 0.75, 1, 1}));
  EXPECT_THAT(Rates("ConstantLR", R"({"factor": 0.25, "total_iters": 2})", 4),
              near({0.25, 0.25, 1, 1}));
}

TEST(ScheduleTest, UnsetIsConstant) {
  const auto schedule = Schedule::Create(api::Component(), 0.3);
  ASSERT_TRUE(schedule.ok());
  EXPECT_EQ(schedule->RateAt(1), 0.3);
  EXPECT_EQ(schedule->RateAt(1000), 0.3);
}

TEST(ScheduleTest, RefusesUnknownNamesAndBadParameters) {
  api::Component component;
  component.set_type("NoSuchLR");
  EXPECT_FALSE(Schedule::Create(component, 1).ok());
  component.set_type("StepLR");
  (*component.mutable_params())["step_size"].set_int_value(0);
  EXPECT_FALSE(Schedule::Create(component, 1).ok());
  (*component.mutable_params())["step_size"].set_string_value("two");
  EXPECT_FALSE(Schedule::Create(component, 1).ok());
}

}  // namespace
}  // namespace graphkiln::trainer
