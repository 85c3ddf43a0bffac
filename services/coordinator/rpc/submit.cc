#include "services/coordinator/rpc/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/estimate/summary.h"
#include "common/jobs/registry.h"
#include "common/jobs/resolve.h"
#include "services/coordinator/core/digest.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/rpc/error_details.h"

namespace graphkiln::coordinator {
namespace {

using Diagnostics = std::vector<v1::Diagnostic>;

constexpr int64_t kMaxSpecBytes = 1 << 20;  // without an inline graph

bool HasErrors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const v1::Diagnostic& diagnostic) {
    return diagnostic.severity() == v1::SEVERITY_ERROR;
  });
}

void AddError(std::string_view code, std::string_view path, std::string message,
              Diagnostics* diagnostics) {
  v1::Diagnostic& diagnostic = diagnostics->emplace_back();
  diagnostic.set_severity(v1::SEVERITY_ERROR);
  diagnostic.set_code(std::string(code));
  diagnostic.set_path(std::string(path));
  diagnostic.set_message(std::move(message));
}

// What the pipeline hands from step to step.
struct Draft {
  std::string project;
  v1::JobSpec spec;
  std::shared_ptr<const CompiledGraph> graph;
  Diagnostics diagnostics;
  v1::Estimate estimate;
  std::shared_ptr<const std::string> program;
  std::vector<std::shared_ptr<const void>> pins;  // of its files, until it is accepted
};

// The graph of a source that names a saved one.
absl::StatusOr<v1::Graph> SavedGraph(Services& services, const std::string& project,
                                     const v1::GraphSource& source) {
  if (source.source_case() == v1::GraphSource::kName) {
    ASSIGN_OR_RETURN(const ResourceName name, ParseResourceName("graphs", source.name()));
    ASSIGN_OR_RETURN(v1::SavedGraph saved, services.store->ReadGraph(FormatResourceName(
                                               name.project, "graphs", name.id)));
    return std::move(*saved.mutable_graph());
  }
  if (source.source_case() != v1::GraphSource::kHash) {
    return FieldError("spec.graph", "is missing");
  }
  if (auto saved = services.store->ReadGraphByHash(project, source.hash()); saved.ok()) {
    return std::move(*saved->mutable_graph());
  }
  // Graphs of earlier jobs are known by their hash, too.
  ASSIGN_OR_RETURN(const std::string bytes, services.store->ReadGraphContent(source.hash()));
  v1::Graph graph;
  if (!graph.ParseFromString(bytes)) return absl::DataLossError("a stored graph is damaged");
  return graph;
}

absl::Status CompileGraph(Services& services, Draft& draft) {
  const absl::Duration start = services.clock->Monotonic();
  if (draft.spec.graph().has_inline_graph()) {
    draft.graph = services.programs->Compile(draft.spec.graph().inline_graph());
  } else {
    ASSIGN_OR_RETURN(const v1::Graph graph,
                     SavedGraph(services, draft.project, draft.spec.graph()));
    draft.graph = services.programs->Compile(graph);
  }
  services.metrics->GraphValidated(absl::ToDoubleSeconds(services.clock->Monotonic() - start));
  draft.spec.mutable_graph()->set_hash(draft.graph->hash);
  if (!draft.graph->ok) {
    return DiagnosticsError(v1::ERROR_REASON_GRAPH_INVALID, "graph", draft.graph->diagnostics);
  }
  if (static_cast<int64_t>(draft.spec.ByteSizeLong()) > kMaxSpecBytes) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_TOO_LARGE,
        fmt::format("the job has more than {} bytes without its graph", kMaxSpecBytes));
  }
  draft.diagnostics = draft.graph->diagnostics;
  return absl::OkStatus();
}

// The file source that a stored dataset stands for.
void UseDataset(const v1::Dataset& dataset, v1::DataSpec& data) {
  v1::FileSource file;
  file.set_artifact(dataset.artifact());
  file.set_path(dataset.name());
  if (dataset.format() == "csv") *data.mutable_csv() = file;
  if (dataset.format() == "npy") *data.mutable_npy() = file;
  if (dataset.format() == "npz") *data.mutable_npz() = file;
  if (dataset.format() == "safetensors") *data.mutable_safetensors() = file;
  if (dataset.format() == "idx") *data.mutable_idx() = file;
  if (dataset.format() == "images") *data.mutable_images() = file;
}

void ResolveDataset(Services& services, Draft& draft) {
  v1::DataSpec& data = *draft.spec.mutable_data();
  if (data.source_case() != v1::DataSpec::kDataset) return;
  const auto name = ParseResourceName("datasets", data.dataset());
  absl::StatusOr<v1::Dataset> dataset =
      name.ok()
          ? services.store->ReadDataset(FormatResourceName(name->project, "datasets", name->id))
          : absl::StatusOr<v1::Dataset>(name.status());
  if (dataset.ok()) {
    UseDataset(*dataset, data);
  } else {
    AddError("DATASET_UNKNOWN", "data.dataset",
             fmt::format("{}: {}", QuoteForMessage(data.dataset()), MessageOf(dataset.status())),
             &draft.diagnostics);
  }
}

// The weights that a job has left, or its last checkpoint while it has not succeeded.
std::string WeightsOf(const v1::Job& job) {
  const auto file = job.artifacts().find("weights.safetensors");
  if (file != job.artifacts().end()) return file->second;
  if (job.checkpoints_size() == 0) return "";
  return job.checkpoints(job.checkpoints_size() - 1).artifact();
}

// `weights.job` becomes a file.
void ResolveWeights(Services& services, Draft& draft) {
  if (draft.spec.weights().source_case() != v1::WeightsSource::kJob) return;
  const std::string name = draft.spec.weights().job();
  const auto job = services.queue->Get(name);
  if (!job.ok()) {
    AddError("WEIGHTS_UNKNOWN", "weights", fmt::format("there is no job {}", QuoteForMessage(name)),
             &draft.diagnostics);
    return;
  }
  const std::string artifact = WeightsOf(*job);
  if (artifact.empty()) {
    AddError(
        "WEIGHTS_UNKNOWN", "weights",
        fmt::format("the job {} has neither weights nor a checkpoint (yet)", QuoteForMessage(name)),
        &draft.diagnostics);
    return;
  }
  draft.spec.mutable_weights()->mutable_file()->set_artifact(artifact);
}

const v1::FileSource* DataFile(const v1::DataSpec& data) {
  switch (data.source_case()) {
    case v1::DataSpec::kCsv:
      return &data.csv();
    case v1::DataSpec::kNpy:
      return &data.npy();
    case v1::DataSpec::kNpz:
      return &data.npz();
    case v1::DataSpec::kSafetensors:
      return &data.safetensors();
    case v1::DataSpec::kIdx:
      return &data.idx();
    case v1::DataSpec::kImages:
      return &data.images();
    default:
      return nullptr;
  }
}

// A job never refers to bytes that are not here, and never to a path of some machine.
void CheckFile(Services& services, const v1::FileSource* file, std::string_view path,
               Draft& draft) {
  if (file == nullptr) return;
  if (file->artifact().empty()) {
    AddError("FILE_NOT_UPLOADED", path,
             fmt::format("{} was not uploaded: the server takes files by their digest only",
                         QuoteForMessage(file->path())),
             &draft.diagnostics);
    return;
  }
  draft.pins.push_back(services.artifacts->Pin(file->artifact()));
  if (const auto stored = services.artifacts->Stat(file->artifact()); !stored.ok()) {
    AddError("FILE_NOT_UPLOADED", path, std::string(MessageOf(stored.status())),
             &draft.diagnostics);
  }
}

bool Trains(const v1::JobSpec& spec) {
  return spec.kind() == v1::JOB_KIND_TRAIN || spec.kind() == v1::JOB_KIND_SMOKE;
}

absl::Status CheckJob(Services& services, Draft& draft) {
  ResolveDataset(services, draft);
  ResolveWeights(services, draft);
  CheckFile(services, DataFile(draft.spec.data()), "data", draft);
  if (draft.spec.weights().has_file()) {
    CheckFile(services, &draft.spec.weights().file(), "weights", draft);
  }
  jobs::ResolveJob(&draft.spec, draft.graph->module.get(), &draft.diagnostics);
  if (!HasErrors(draft.diagnostics)) {
    const v1::Component* loss =
        Trains(draft.spec) || draft.spec.has_loss() ? &draft.spec.loss() : nullptr;
    auto program = services.programs->Program(*draft.graph, loss, &draft.diagnostics);
    if (!program.ok() && !HasErrors(draft.diagnostics)) return program.status();
    if (program.ok()) draft.program = *std::move(program);
  }
  if (HasErrors(draft.diagnostics)) {
    return DiagnosticsError(v1::ERROR_REASON_JOB_INVALID, "job", draft.diagnostics);
  }
  return absl::OkStatus();
}

int64_t TotalSteps(const v1::JobSpec& spec) {
  if (spec.kind() == v1::JOB_KIND_SMOKE) return spec.smoke().overfit_steps();
  return spec.epochs() == 0 ? spec.steps() : 0;
}

SubmitArgs ArgsOf(const CallPtr& call, const v1::SubmitJobRequest& request, std::string digest,
                  Draft& draft) {
  SubmitArgs args;
  args.project = draft.project;
  args.job_id = request.job_id();
  args.owner = call->principal.name;
  args.request_id = request.request_id();
  args.request_digest = std::move(digest);
  args.total_steps = TotalSteps(draft.spec);
  args.spec = std::move(draft.spec);
  args.graph_hash = draft.graph->hash;
  args.graph_bytes = draft.graph->graph_bytes;
  args.ir_bytes = *draft.program;
  args.estimate = draft.estimate;
  args.received = call->received;
  return args;
}

v1::Job Preview(const CallPtr& call, const v1::SubmitJobRequest& request, Draft& draft) {
  v1::Job job;
  if (!request.job_id().empty()) {
    job.set_name(FormatResourceName(draft.project, "jobs", request.job_id()));
  }
  job.set_owner(call->principal.name);
  job.set_graph_hash(draft.graph->hash);
  job.set_total_steps(TotalSteps(draft.spec));
  *job.mutable_estimate() = draft.estimate;
  *job.mutable_labels() = draft.spec.labels();
  *job.mutable_spec() = std::move(draft.spec);
  return job;
}

}  // namespace

void SubmitJob(Services& services, const CallPtr& call, v1::SubmitJobRequest& request,
               const Reply<v1::SubmitJobResponse>& reply) {
  auto response = std::make_shared<v1::SubmitJobResponse>();
  const auto answer = [response, reply](absl::StatusOr<v1::Job> job) {
    if (!job.ok()) return reply(job.status());
    *response->mutable_job() = *std::move(job);
    reply(*response);
  };
  // Of the request as it came: what it resolves to changes with the data and graphs that it names.
  const bool once = !request.request_id().empty() && !request.validate_only();
  std::string digest = once ? Sha256Hex(SerializeDeterministic(request)) : "";
  const absl::StatusOr<std::string> project = ParseParent(request.parent());
  if (!project.ok()) return reply(project.status());
  const auto answered = [&] {
    return once && services.queue->AnswerSubmitted(*project, request.request_id(), digest, answer);
  };
  if (answered()) return;

  const auto started = [&]() -> absl::Status {
    Draft draft;
    draft.project = *project;
    draft.spec.Swap(request.mutable_spec());
    RETURN_IF_ERROR(CompileGraph(services, draft));
    RETURN_IF_ERROR(CheckJob(services, draft));
    draft.estimate =
        estimate::EstimateJob(*draft.graph->module, draft.spec,
                              jobs::OptimizerMoments(draft.spec.optimizer()).value_or(0));
    for (v1::Diagnostic& diagnostic : draft.diagnostics) {
      *response->add_diagnostics() = std::move(diagnostic);
    }
    if (request.validate_only()) {
      *response->mutable_job() = Preview(call, request, draft);
      reply(*response);
      return absl::OkStatus();
    }
    SubmitArgs args = ArgsOf(call, request, digest, draft);
    services.queue->Submit(std::move(args), [answer, pins = std::move(draft.pins)](
                                                absl::StatusOr<v1::Job> job) { answer(job); });
    return absl::OkStatus();
  }();
  // An equal call may have been accepted meanwhile, also when what it named is gone by now.
  if (!started.ok() && !answered()) reply(started);
}

}  // namespace graphkiln::coordinator
