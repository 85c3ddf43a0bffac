// kiln get KIND: one page of what the server has.
#include <functional>

#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/table.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

struct Page {
  Json items = Json::array();
  Table table{{"name"}};
  std::string next_page_token;
};

std::string Text(const Json& value) { return value.is_string() ? value.get<std::string>() : "-"; }

class Get : public Command {
 public:
  std::string_view name() const override { return "get"; }
  std::string_view summary() const override {
    return "List jobs, workers, graphs, datasets or artifacts";
  }
  void Declare(Arguments* arguments) override {
    Argument& kind = arguments->Add("KIND", &kind_, "What to list");
    kind.required = true;
    kind.choices = {"jobs", "workers", "graphs", "datasets", "artifacts"};
    arguments->Add("--limit,--page-size", &page_size_, "Most items in the answer; default 50")
        .value_name = "N";
    arguments->Add("--page-token", &page_token_, "Continues an earlier answer").value_name =
        "TOKEN";
    arguments->Add("--state", &states_, "Only jobs in this state; repeatable").value_name = "STATE";
  }

  int Run(Context& context) override {
    std::vector<v1::JobState> states;
    for (const std::string& text : states_) {
      v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
      std::string upper = "JOB_STATE_";
      for (const char c : text)
        upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
      if (!v1::JobState_Parse(upper, &state)) {
        return context.Fail(kUsage, "USAGE",
                            fmt::format("there is no state {}", QuoteForMessage(text)));
      }
      states.push_back(state);
    }
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    Page page;
    CallError error = kind_ == "jobs"       ? Jobs(**client, states, &page)
                      : kind_ == "workers"  ? Workers(**client, &page)
                      : kind_ == "graphs"   ? Graphs(**client, &page)
                      : kind_ == "datasets" ? Datasets(**client, &page)
                                            : Artifacts(**client, &page);
    if (!error.status.ok()) return FailCall(context, error);
    if (context.format() == Format::kName) {
      for (const Json& item : page.items) {
        context.Print(Text(item.contains("name") ? item["name"] : item["sha256"]) + "\n");
      }
    } else if (context.format() == Format::kText) {
      context.Print(page.table.Text());
      if (!page.next_page_token.empty()) {
        context.Notice(fmt::format("there are more: --page-token {}", page.next_page_token));
      }
    } else {
      context.PrintDocument(
          {{"items", std::move(page.items)}, {"next_page_token", page.next_page_token}});
    }
    return kOk;
  }

 private:
  template <class Request>
  Request MakeRequest() const {
    Request request;
    request.set_page_size(page_size_);
    request.set_page_token(page_token_);
    return request;
  }

  CallError Jobs(Client& client, const std::vector<v1::JobState>& states, Page* page) const {
    auto request = MakeRequest<v1::ListJobsRequest>();
    for (const v1::JobState state : states) request.add_states(state);
    v1::ListJobsResponse response;
    CallError error =
        client.Call(&v1::JobService::Stub::ListJobs, client.jobs(), request, &response);
    page->table = Table({"name", "state", "step", "epoch", "worker", "created", "reason"});
    for (const v1::Job& job : response.jobs()) {
      page->items.push_back(JobJson(job));
      const std::string step = job.total_steps() > 0
                                   ? fmt::format("{}/{}", job.step(), job.total_steps())
                                   : fmt::format("{}", job.step());
      page->table.Row({ShortName(job.name()), std::string(StateName(job.state())), step,
                       fmt::format("{}", job.epoch()), ShortName(job.worker()),
                       Text(TimeJson(job.create_time())),
                       job.reason().empty() ? job.pending_reason() : job.reason()});
    }
    page->next_page_token = response.next_page_token();
    return error;
  }

  CallError Workers(Client& client, Page* page) const {
    v1::ListWorkersResponse response;
    CallError error = client.Call(&v1::SystemService::Stub::ListWorkers, client.system(),
                                  MakeRequest<v1::ListWorkersRequest>(), &response);
    page->table = Table({"name", "state", "slots", "devices", "host", "jobs"});
    for (const v1::Worker& worker : response.workers()) {
      Json item = WorkerJson(worker);
      page->table.Row({item["name"], WorkerStateText(worker),
                       fmt::format("{}/{}", worker.used_slots(), worker.inventory().slots()),
                       fmt::format("{}", worker.inventory().devices_size()),
                       worker.inventory().host(), fmt::format("{}", worker.jobs_size())});
      page->items.push_back(std::move(item));
    }
    page->next_page_token = response.next_page_token();
    return error;
  }

  CallError Graphs(Client& client, Page* page) const {
    v1::ListGraphsResponse response;
    CallError error = client.Call(&v1::GraphService::Stub::ListGraphs, client.graphs(),
                                  MakeRequest<v1::ListGraphsRequest>(), &response);
    page->table = Table({"name", "hash", "updated"});
    for (const v1::SavedGraph& graph : response.graphs()) {
      page->items.push_back({{"name", ShortName(graph.name())},
                             {"graph_hash", graph.graph_hash()},
                             {"etag", graph.etag()},
                             {"create_time", TimeJson(graph.create_time())},
                             {"update_time", TimeJson(graph.update_time())}});
      page->table.Row(
          {ShortName(graph.name()), graph.graph_hash(), Text(TimeJson(graph.update_time()))});
    }
    page->next_page_token = response.next_page_token();
    return error;
  }

  CallError Datasets(Client& client, Page* page) const {
    v1::ListDatasetsResponse response;
    CallError error = client.Call(&v1::DatasetService::Stub::ListDatasets, client.datasets(),
                                  MakeRequest<v1::ListDatasetsRequest>(), &response);
    page->table = Table({"name", "format", "bytes", "sha256"});
    for (const v1::Dataset& dataset : response.datasets()) {
      page->items.push_back({{"name", ShortName(dataset.name())},
                             {"format", dataset.format()},
                             {"bytes", dataset.bytes()},
                             {"sha256", dataset.artifact()},
                             {"create_time", TimeJson(dataset.create_time())}});
      page->table.Row({ShortName(dataset.name()), dataset.format(),
                       HumanBytes(static_cast<uint64_t>(dataset.bytes())), dataset.artifact()});
    }
    page->next_page_token = response.next_page_token();
    return error;
  }

  CallError Artifacts(Client& client, Page* page) const {
    v1::ListArtifactsResponse response;
    CallError error = client.Call(&v1::ArtifactService::Stub::ListArtifacts, client.artifacts(),
                                  MakeRequest<v1::ListArtifactsRequest>(), &response);
    page->table = Table({"sha256", "bytes"});
    for (const v1::Artifact& artifact : response.artifacts()) {
      page->items.push_back({{"sha256", artifact.sha256()}, {"bytes", artifact.bytes()}});
      page->table.Row({artifact.sha256(), HumanBytes(static_cast<uint64_t>(artifact.bytes()))});
    }
    page->next_page_token = response.next_page_token();
    return error;
  }

  std::string kind_, page_token_;
  int page_size_ = 50;
  std::vector<std::string> states_;
};

}  // namespace

void AddGet(CommandList* commands) { commands->push_back(std::make_unique<Get>()); }

}  // namespace graphkiln::cli
