#include "services/coordinator/rpc/edit_sessions.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "fmt/format.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

v1::EditGraphResponse Answer(const compiler::IncrementalCompiler& compiler) {
  v1::EditGraphResponse response;
  response.set_valid(compiler.ok());
  for (v1::Diagnostic& d : compiler.Diagnostics()) *response.add_diagnostics() = std::move(d);
  for (const int node : compiler.changed())
    *response.add_nodes() = compiler::ToProto(compiler.nodes()[static_cast<size_t>(node)]);
  return response;
}

}  // namespace

absl::StatusOr<v1::EditGraphResponse> EditSessions::Edit(std::string_view principal,
                                                         v1::EditGraphRequest& request) {
  if (request.session().empty()) {
    if (!request.has_graph()) return FieldError("graph", "is needed to open a session");
    if (request.nodes_size() > 0) return FieldError("nodes", "change a session; open one first");
    return Open(principal, std::move(*request.mutable_graph()));
  }
  if (request.has_graph()) return FieldError("graph", "opens a session; leave `session` empty");
  const SessionPtr session = Find(principal, request.session());
  if (session == nullptr) return NotFoundError("editing session", request.session());
  absl::StatusOr<v1::EditGraphResponse> response;
  size_t bytes = 0;
  {
    std::lock_guard lock(session->mu);
    response = Change(*session, request);
    bytes = session->compiler.MemoryBytes();
  }
  if (!Keep(session, bytes, false) && response.ok()) response->clear_session();
  return response;
}

absl::StatusOr<v1::EditGraphResponse> EditSessions::Open(std::string_view principal,
                                                         v1::Graph graph) {
  const auto session = std::make_shared<Session>(std::move(graph));
  session->principal = std::string(principal);
  session->id = NewId();
  v1::EditGraphResponse response = Answer(session->compiler);
  response.set_revision(session->revision);
  if (Keep(session, session->compiler.MemoryBytes(), true)) response.set_session(session->id);
  return response;
}

absl::StatusOr<v1::EditGraphResponse> EditSessions::Change(Session& session,
                                                           v1::EditGraphRequest& request) {
  if (request.base_revision() != session.revision) {
    return MakeError(absl::StatusCode::kAborted, v1::ERROR_REASON_ETAG_MISMATCH,
                     fmt::format("the session is at revision {}, not {}", session.revision,
                                 request.base_revision()));
  }
  std::vector<v1::Node> nodes;
  for (int i = 0; i < request.nodes_size(); ++i) {
    if (session.compiler.Find(request.nodes(i).id()) == nullptr)
      return FieldError(fmt::format("nodes[{}].id", i), "names no node of the session's graph");
    nodes.push_back(std::move(*request.mutable_nodes(i)));
  }
  RETURN_IF_ERROR(session.compiler.Replace(std::move(nodes)));
  v1::EditGraphResponse response = Answer(session.compiler);
  response.set_session(session.id);
  response.set_revision(++session.revision);
  return response;
}

EditSessions::SessionPtr EditSessions::Find(std::string_view principal, std::string_view id) {
  Sessions dropped;
  std::lock_guard lock(mu_);
  Trim(dropped);
  const auto it = by_id_.find(id);
  if (it == by_id_.end() || (*it->second)->principal != principal) return nullptr;
  sessions_.splice(sessions_.begin(), sessions_, it->second);
  (*it->second)->used = clock_.Monotonic();
  return *it->second;
}

bool EditSessions::Keep(const SessionPtr& session, size_t bytes, bool fresh) {
  Sessions dropped;
  std::lock_guard lock(mu_);
  const auto it = by_id_.find(session->id);
  if (it == by_id_.end() && !fresh) return false;  // it had to go meanwhile
  if (it != by_id_.end() && bytes > limits_.most_bytes / 4) {
    Drop(it->second, dropped);
    return false;
  }
  if (bytes > limits_.most_bytes / 4) return false;
  if (it == by_id_.end()) {
    sessions_.push_front(session);
    by_id_[session->id] = sessions_.begin();
  }
  bytes_ += bytes - session->bytes;
  session->bytes = bytes;
  session->used = clock_.Monotonic();
  Trim(dropped);
  return true;
}

void EditSessions::Trim(Sessions& dropped) {
  const absl::Duration now = clock_.Monotonic();
  while (!sessions_.empty() &&
         (sessions_.size() > limits_.most_sessions || bytes_ > limits_.most_bytes ||
          now - sessions_.back()->used > limits_.idle)) {
    Drop(std::prev(sessions_.end()), dropped);
  }
}

void EditSessions::Drop(Sessions::iterator session, Sessions& dropped) {
  bytes_ -= (*session)->bytes;
  by_id_.erase((*session)->id);
  dropped.splice(dropped.begin(), sessions_, session);
}

size_t EditSessions::size() {
  Sessions dropped;
  std::lock_guard lock(mu_);
  Trim(dropped);
  return sessions_.size();
}

std::string EditSessions::NewId() {
  return fmt::format("{:016x}{:016x}", random_.NextU64(), random_.NextU64());
}

}  // namespace graphkiln::coordinator
