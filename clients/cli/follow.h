// Watching a job until it ends: events in order, resumed by token through restarts of the server.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "clients/cli/client.h"
#include "clients/cli/interrupts.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::cli {

struct FollowEnd {
  enum class Kind { kEnded, kInterrupted, kFailed };
  Kind kind = Kind::kFailed;
  std::string token;  // continues after the last event that was seen
  CallError error;    // of kFailed
};

/// Calls `on_event` for every event after `token` with the token behind it, until the job has
/// ended.
FollowEnd FollowEvents(Context& context, Client& client, const std::string& job, std::string token,
                       const std::vector<std::string>& types, Interrupts& interrupts,
                       const std::function<void(const v1::Event&, const std::string&)>& on_event);

/// The job by name.
CallError FetchJob(Client& client, const std::string& name, v1::Job* job);

/// The exit code of following a job that has ended: 6 where it failed or was cancelled.
int ExitCodeOfEnd(const v1::Job& job);

/// What `submit --follow` does after submitting; returns the exit code.
int FollowToEnd(Context& context, Client& client, const v1::Job& job);

/// One paragraph on how a job ended.
std::string EndText(const v1::Job& job);

}  // namespace graphkiln::cli
