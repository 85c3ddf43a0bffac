// Creating a named thing in the store exactly once per request id, also while the first call still
// runs. Used by the handlers of graphs and datasets; the queue does the same for jobs. Executor
// threads.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {

struct CreateOnce {
  std::string scope;       // `CreateGraph/PROJECT`
  std::string request_id;  // empty: not idempotent
  std::string digest;      // of the request's contents
};

/// The key of a create request; `request_id` must be a field of it. Error: FIELD_INVALID for an id
/// that is too long.
absl::StatusOr<CreateOnce> MakeCreateOnce(std::string_view method, std::string_view project,
                                          const google::protobuf::Message& request,
                                          std::string_view request_id);

/// The name that an equal earlier request was answered with; empty where there is none. Error:
/// ALREADY_EXISTS when the id was used for something else.
absl::StatusOr<std::string> FindCreated(Services& services, const CreateOnce& once);

/// Commits `mutation`, which makes `name`, together with the request id, both or neither. `done`
/// gets the name that is durable under this id: another one where an equal concurrent call was
/// faster. Error: ALREADY_EXISTS, also when a different call with this id was faster.
void CommitOnce(Services& services, CreateOnce once, std::string name, Mutation mutation,
                std::function<void(absl::StatusOr<std::string>)> done);

/// The id that the client asked for, or KIND- with the beginning of `uid`. Error: FIELD_INVALID.
absl::StatusOr<std::string> ChooseId(std::string_view field, std::string_view asked,
                                     std::string_view kind, std::string_view uid);

}  // namespace graphkiln::coordinator
