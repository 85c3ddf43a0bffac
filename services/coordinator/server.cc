#include "services/coordinator/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/job_queue.h"
#include "services/coordinator/gateway/http_gateway.h"
#include "services/coordinator/rpc/dispatcher.h"
#include "services/coordinator/rpc/grpc_server.h"
#include "services/coordinator/rpc/housekeeping.h"
#include "services/coordinator/rpc/services.h"
#include "services/coordinator/rpc/ticker.h"
#include "services/coordinator/store/sqlite_db.h"
#include "services/coordinator/store/sqlite_store.h"

namespace graphkiln::coordinator {
namespace {

/// An empty database with its journal.
constexpr uintmax_t kLeastSpace = 1 << 20;

int ExecutorThreads(int asked) {
  if (asked > 0) return asked;
  // More than cores: most of this work waits for a disk.
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()) * 2, 4, 16);
}

absl::Status CheckExposure(const ServerOptions& options) {
  for (const GrpcOptions* port :
       {&options.grpc, options.worker_grpc.has_value() ? &*options.worker_grpc : nullptr}) {
    if (port != nullptr && !port->client_ca.empty() && port->tls_certificate.empty()) {
      return absl::FailedPreconditionError(
          "refusing to ask for certificates without TLS: give --tls-cert and --tls-key");
    }
  }
  if (options.worker_grpc.has_value() && !IsLocalHost(options.worker_grpc->host) &&
      options.worker_grpc->client_ca.empty()) {
    return absl::FailedPreconditionError(fmt::format(
        "refusing to listen for workers on {} without certificates: give --tls-cert, --tls-key and "
        "--client-ca, or listen on 127.0.0.1 or unix:PATH",
        options.worker_grpc->host));
  }
  const bool tls = !options.grpc.tls_certificate.empty();
  const bool token = !options.authenticator.open();
  if (!IsLocalHost(options.grpc.host) && !(tls && token)) {
    return absl::FailedPreconditionError(
        fmt::format("refusing to listen on {} without TLS and a token: give --tls-cert, --tls-key "
                    "and --token-file, or listen on 127.0.0.1 or unix:PATH",
                    options.grpc.host));
  }
  if (!IsLocalHost(options.http_host)) {
    return absl::FailedPreconditionError(fmt::format(
        "refusing to serve HTTP on {}: it listens on loopback only", options.http_host));
  }
  return absl::OkStatus();
}

// An error of the storage at start, with the folder and what to do about it.
absl::Status StateError(const std::string& folder, const absl::Status& status) {
  if (status.ok() || !IsStorageFailure(status)) return status;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  const bool full = !error && space.available < kLeastSpace;
  return absl::Status(
      status.code(),
      fmt::format("cannot open the state in {}: {}; {}, or give another folder by --state", folder,
                  MessageOf(status),
                  full ? "its disk is full: free some space there"
                       : "see that the folder can be written and its disk has room"));
}

// What a worker calls; the rest of the API is none of its port's business.
constexpr std::string_view kWorkerService = "graphkiln.worker.v1.WorkerService";
constexpr std::string_view kWorkersServices[] = {kWorkerService, "graphkiln.v1.ArtifactService"};

}  // namespace

// Members are declared in the order of their dependence, so they are destroyed users first.
class Server::Impl {
 public:
  explicit Impl(ServerOptions options)
      : options_(std::move(options)),
        clock_(options_.clock != nullptr ? *options_.clock : SystemClock()) {}

  ~Impl() { Stop(absl::Seconds(2)); }

  absl::Status Start() {
    RETURN_IF_ERROR(CheckExposure(options_));
    if (!options_.grpc.client_ca.empty() ||
        (options_.worker_grpc.has_value() && !options_.worker_grpc->client_ca.empty())) {
      options_.authenticator.RequireWorkerCertificates();
    }
    RETURN_IF_ERROR(StateError(options_.state_dir, OpenState()));
    AddAllMethods(table_, services_);
    RETURN_IF_ERROR(table_.CheckComplete());
    rpc_metrics_ = std::make_unique<RpcMetrics>(metrics_.registry(), table_);
    dispatcher_ = std::make_unique<Dispatcher>(Dispatcher::Environment{
        &table_, &options_.authenticator, executor_.get(), rpc_metrics_.get(), &clock_});
    housekeeping_ = std::make_unique<Housekeeping>(
        services_, Housekeeping::Options{options_.housekeeping_interval, options_.upload_grace});
    ticker_ = std::make_unique<Ticker>(*queue_, *alarms_);
    RETURN_IF_ERROR(Listen());
    HttpGateway::Options http;
    http.host = options_.http_host;
    http.port = options_.http_port;
    ASSIGN_OR_RETURN(http_, HttpGateway::Start(http, Sources()));
    for (GrpcServer* port : Ports()) port->SetServing(true);
    return absl::OkStatus();
  }

  std::vector<GrpcServer*> Ports() {
    std::vector<GrpcServer*> ports;
    for (const auto* port : {&worker_grpc_, &grpc_}) {
      if (*port != nullptr) ports.push_back(port->get());
    }
    return ports;
  }

  void Stop(absl::Duration grace) {
    if (std::exchange(stopped_, true)) return;
    stopping_.store(true);
    for (GrpcServer* port : Ports()) port->SetServing(false);
    if (dispatcher_ != nullptr) dispatcher_->StartDraining();
    for (GrpcServer* port : Ports()) port->DrainStreams();
    for (GrpcServer* port : Ports()) port->Shutdown(grace);
    // No call is left, so nothing new reaches the executor; what it still does is finished.
    ticker_.reset();
    housekeeping_.reset();
    if (alarms_ != nullptr) alarms_->Stop();
    if (executor_ != nullptr) executor_->Stop();
    wakes_.Stop();
    http_.reset();
    worker_grpc_.reset();
    grpc_.reset();
    if (store_ != nullptr) store_->Close();  // writes what was queued and calls back into the queue
    queue_.reset();
    store_.reset();
  }

  ServerOptions options_;
  Clock& clock_;
  Metrics metrics_{KILN_VERSION};
  ProgramCache programs_;
  EditSessions sessions_{&clock_, &SystemRandom()};
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Executor> executor_;
  Executor wakes_{1, 0};
  std::unique_ptr<Alarms> alarms_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<JobQueue> queue_;
  Services services_;
  MethodTable table_;
  std::unique_ptr<RpcMetrics> rpc_metrics_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Ticker> ticker_;
  std::unique_ptr<Housekeeping> housekeeping_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<GrpcServer> worker_grpc_;  // null: workers use grpc_
  std::unique_ptr<HttpGateway> http_;
  std::atomic<bool> stopping_{false};
  bool stopped_ = false;

 private:
  void CountConnections(GrpcOptions& port, std::string_view name) {
    port.on_connections = [this, name](int open) { metrics_.SetConnections(name, open); };
    port.on_refused_connection = [this, name] { metrics_.ConnectionRefused(name); };
  }

  absl::Status Listen() {
    CountConnections(options_.grpc, "api");
    if (options_.worker_grpc.has_value()) {
      GrpcOptions& workers = *options_.worker_grpc;
      CountConnections(workers, "worker");
      workers.require_client_certificate = !workers.client_ca.empty();
      workers.services.assign(std::begin(kWorkersServices), std::end(kWorkersServices));
      for (const std::string& name : table_.services()) {
        if (name != kWorkerService) options_.grpc.services.push_back(name);
      }
      ASSIGN_OR_RETURN(worker_grpc_, GrpcServer::Start(workers, dispatcher_.get()));
    }
    ASSIGN_OR_RETURN(grpc_, GrpcServer::Start(options_.grpc, dispatcher_.get()));
    return absl::OkStatus();
  }

  absl::Status OpenState() {
    RETURN_IF_ERROR(MakeDirs(options_.state_dir));
    SqliteOptions sqlite;
    sqlite.directory = options_.state_dir;
    ASSIGN_OR_RETURN(store_, OpenSqliteStore(sqlite));
    ASSIGN_OR_RETURN(artifacts_, ArtifactStore::Open(JoinPath(options_.state_dir, "artifacts"),
                                                     options_.max_artifact_bytes));
    ASSIGN_OR_RETURN(LoadedState state, store_->Load(options_.core.ring_events));
    executor_ = std::make_unique<Executor>(ExecutorThreads(options_.executor_threads),
                                           options_.max_waiting_requests);
    alarms_ = std::make_unique<Alarms>(clock_);
    JobQueue::Environment environment;
    environment.clock = &clock_;
    environment.random = &SystemRandom();
    environment.journal = store_.get();
    environment.history = store_.get();
    environment.metrics = &metrics_;
    queue_ = std::make_unique<JobQueue>(options_.core, environment);
    RETURN_IF_ERROR(queue_->Restore(std::move(state)));
    queue_->SetReleasedListener([this](std::vector<std::string> released) {
      executor_->Post(
          [this, released = std::move(released)] { RemoveReleased(services_, released); });
    });
    services_.queue = queue_.get();
    services_.store = store_.get();
    services_.artifacts = artifacts_.get();
    services_.executor = executor_.get();
    services_.wakes = &wakes_;
    services_.alarms = alarms_.get();
    services_.clock = &clock_;
    services_.random = &SystemRandom();
    services_.metrics = &metrics_;
    services_.programs = &programs_;
    services_.sessions = &sessions_;
    services_.version = KILN_VERSION;
    services_.instance = NewUid(SystemRandom());
    services_.start_time = clock_.Now();
    services_.progress_interval = options_.progress_interval;
    services_.coalesce_interval = options_.coalesce_interval;
    return absl::OkStatus();
  }

  GatewaySources Sources() {
    GatewaySources sources;
    sources.metrics = [this] { return metrics_.Render(); };
    sources.ready = [this]() -> absl::Status {
      if (stopping_.load()) return absl::UnavailableError("the server is stopping");
      if (!queue_->Ready()) return absl::UnavailableError("the storage refuses writes");
      return absl::OkStatus();
    };
    sources.banner =
        fmt::format("GraphKiln coordinator {}\ngRPC on {}; here: /metrics /healthz /readyz\n",
                    KILN_VERSION, grpc_->address());
    return sources;
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const std::string& Server::grpc_address() const { return impl_->grpc_->address(); }
std::optional<std::string> Server::worker_address() const {
  if (impl_->worker_grpc_ == nullptr) return std::nullopt;
  return impl_->worker_grpc_->address();
}
const std::string& Server::http_address() const { return impl_->http_->address(); }
int Server::grpc_port() const { return impl_->grpc_->port(); }
int Server::http_port() const { return impl_->http_->port(); }
void Server::Stop(absl::Duration grace) { impl_->Stop(grace); }
GrpcServer& Server::grpc_server() { return *impl_->grpc_; }
JobQueue& Server::queue() { return *impl_->queue_; }

}  // namespace graphkiln::coordinator
