// kiln metrics JOB [--series a,b]: the recorded series.
#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/table.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Metrics : public Command {
 public:
  std::string_view name() const override { return "metrics"; }
  std::string_view summary() const override { return "Show the metric series of a job"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("JOB", &job_, "Name of the job").required = true;
    arguments->Add("--series", &series_, "Only these, such as loss,val_loss").value_name = "A,B";
    arguments->Add("--max-points", &max_points_, "Thin each series to so many points").value_name =
        "N";
  }

  int Run(Context& context) override {
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    v1::QueryMetricsRequest request;
    request.set_name(job_);
    request.set_max_points(max_points_);
    for (const std::string_view name : SplitView(series_, ',')) {
      if (!TrimView(name).empty()) request.add_series(std::string(TrimView(name)));
    }
    v1::QueryMetricsResponse response;
    const CallError error =
        (*client)->Call(&v1::JobService::Stub::QueryMetrics, (*client)->jobs(), request, &response);
    if (!error.status.ok()) return FailCall(context, error);
    if (context.format() != Format::kText) {
      Json list = Json::array();
      for (const v1::MetricSeries& series : response.series()) {
        list.push_back(
            {{"name", series.name()},
             {"steps", std::vector<int64_t>(series.steps().begin(), series.steps().end())},
             {"values", std::vector<double>(series.values().begin(), series.values().end())}});
      }
      context.PrintDocument({{"series", std::move(list)}});
      return kOk;
    }
    Table table({"series", "points", "first", "last", "min", "max"});
    for (const v1::MetricSeries& series : response.series()) {
      if (series.values().empty()) continue;
      const auto [low, high] = std::minmax_element(series.values().begin(), series.values().end());
      table.Row({series.name(), fmt::format("{}", series.values_size()),
                 fmt::format("{:.6g}", series.values(0)),
                 fmt::format("{:.6g}", series.values(series.values_size() - 1)),
                 fmt::format("{:.6g}", *low), fmt::format("{:.6g}", *high)});
    }
    context.Print(table.Text());
    return kOk;
  }

 private:
  std::string job_, series_;
  int max_points_ = 0;
};

}  // namespace

void AddMetrics(CommandList* commands) { commands->push_back(std::make_unique<Metrics>()); }

}  // namespace graphkiln::cli
