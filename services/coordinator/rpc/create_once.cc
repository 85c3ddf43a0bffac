#include "services/coordinator/rpc/create_once.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/coordinator/core/digest.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/options.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kMostRequestIdBytes = 128;

}  // namespace

absl::StatusOr<CreateOnce> MakeCreateOnce(std::string_view method, std::string_view project,
                                          const google::protobuf::Message& request,
                                          std::string_view request_id) {
  if (request_id.size() > kMostRequestIdBytes) return FieldError("request_id", "is too long");
  CreateOnce once;
  if (request_id.empty()) return once;
  once.scope = fmt::format("{}/{}", method, project);
  once.request_id = std::string(request_id);
  once.digest = Sha256Hex(SerializeDeterministic(request));
  return once;
}

absl::StatusOr<std::string> FindCreated(Services& services, const CreateOnce& once) {
  if (once.request_id.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::optional<IdempotentAnswer> answer,
                   services.store->FindIdempotent(once.scope, once.request_id,
                                                  services.clock->Now() - kRequestIdLife));
  if (!answer.has_value()) return std::string();
  if (answer->digest == once.digest) return answer->name;
  return MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_ALREADY_EXISTS,
                   "the request_id was used for something else", {{"name", answer->name}});
}

void CommitOnce(Services& services, CreateOnce once, std::string name, Mutation mutation,
                std::function<void(absl::StatusOr<std::string>)> done) {
  CommitBatch batch;
  batch.refusable = true;
  if (!once.request_id.empty()) {
    const absl::Time now = services.clock->Now();
    batch.mutations.emplace_back(
        PutIdempotency{once.scope, once.request_id, once.digest, name, now, now - kRequestIdLife});
  }
  batch.mutations.push_back(std::move(mutation));
  batch.done = [&services, once = std::move(once), name = std::move(name),
                done = std::move(done)](const absl::Status& status) {
    if (status.ok()) return done(name);
    if (status.code() != absl::StatusCode::kAlreadyExists || once.request_id.empty()) {
      return done(status);
    }
    // Another call with this id may have been faster; the answer is read where reading may block.
    services.executor->Post([&services, once, done, status] {
      absl::StatusOr<std::string> created = FindCreated(services, once);
      if (created.ok() && created->empty()) created = status;  // the name itself is taken
      done(std::move(created));
    });
  };
  services.store->Commit(std::move(batch));
}

absl::StatusOr<std::string> ChooseId(std::string_view field, std::string_view asked,
                                     std::string_view kind, std::string_view uid) {
  if (asked.empty()) return fmt::format("{}-{}", kind, uid.substr(0, 12));
  if (IsResourceId(asked)) return std::string(asked);
  return FieldError(field, "must match [a-z]([a-z0-9-]{0,61}[a-z0-9])?");
}

}  // namespace graphkiln::coordinator
