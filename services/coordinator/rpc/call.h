// One call as a handler sees it, whatever the transport: who calls, and how to answer.
//
// Unary handlers get the request and a Reply, stream handlers are a Stream that the transport
// drives (stream.h). Nothing here knows gRPC.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "services/coordinator/rpc/auth.h"

namespace graphkiln::coordinator {

struct MethodEntry;

struct Call {
  const MethodEntry* method = nullptr;
  Principal principal;
  absl::Duration received;  // Clock::Monotonic() when it arrived
};
using CallPtr = std::shared_ptr<const Call>;

/// Called exactly once; `response` is null unless the status is OK, and is not kept.
using RawReply =
    std::function<void(const absl::Status& status, const google::protobuf::Message* response)>;

/// Makes "exactly once" true: a second answer is dropped, a forgotten one becomes INTERNAL.
class ReplyState {
 public:
  explicit ReplyState(RawReply reply) : reply_(std::move(reply)) {}
  ~ReplyState() { Send(absl::InternalError("a handler gave no answer"), nullptr); }
  ReplyState(const ReplyState&) = delete;
  ReplyState& operator=(const ReplyState&) = delete;

  void Send(const absl::Status& status, const google::protobuf::Message* response) {
    if (!sent_.exchange(true)) reply_(status, response);
  }

 private:
  RawReply reply_;
  std::atomic<bool> sent_{false};
};

/// How a unary handler answers; copies share the one answer. Any thread.
template <class Response>
class Reply {
 public:
  explicit Reply(std::shared_ptr<ReplyState> state) : state_(std::move(state)) {}

  void operator()(const absl::StatusOr<Response>& result) const {
    if (result.ok()) {
      state_->Send(absl::OkStatus(), &*result);
    } else {
      state_->Send(result.status(), nullptr);
    }
  }

 private:
  std::shared_ptr<ReplyState> state_;
};

}  // namespace graphkiln::coordinator
