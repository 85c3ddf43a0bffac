#include "services/coordinator/rpc/dispatcher.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

void ParseAndRun(const CallPtr& call,
                 const std::function<absl::Status(google::protobuf::Message*)>& parse,
                 RawReply reply) {
  const std::unique_ptr<google::protobuf::Message> request(call->method->request->New());
  const absl::Status parsed = parse(request.get());
  if (!parsed.ok()) {
    reply(parsed, nullptr);
    return;
  }
  call->method->unary(call, *request, std::move(reply));
}

}  // namespace

absl::StatusOr<CallPtr> Dispatcher::Admit(const MethodEntry& method,
                                          const Credentials& credentials) {
  env_.metrics->Started(method);
  if (draining()) return DrainingError();
  ASSIGN_OR_RETURN(Principal principal, env_.authenticator->Authenticate(credentials));
  RETURN_IF_ERROR(Authenticator::Authorize(principal, method.rule.role, method.name));
  auto call = std::make_shared<Call>();
  call->method = &method;
  call->principal = std::move(principal);
  call->received = env_.clock->Monotonic();
  return CallPtr(std::move(call));
}

void Dispatcher::Finished(const MethodEntry& method, absl::StatusCode code,
                          absl::Duration received) {
  env_.metrics->Handled(method, code, absl::ToDoubleSeconds(env_.clock->Monotonic() - received));
}

absl::Status Dispatcher::CheckSize(const MethodEntry& method, size_t bytes) {
  if (bytes <= method.rule.max_request_bytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_TOO_LARGE,
                   fmt::format("the message has {} bytes, {} takes at most {}", bytes,
                               method.method, method.rule.max_request_bytes),
                   {{"limit", fmt::format("{}", method.rule.max_request_bytes)}});
}

void Dispatcher::RunUnary(CallPtr call,
                          std::function<absl::Status(google::protobuf::Message*)> parse,
                          RawReply reply) {
  if (call->method->rule.where == Where::kInline) {
    ParseAndRun(call, parse, std::move(reply));
    return;
  }
  const bool posted = env_.executor->TryPost(
      [call, parse = std::move(parse), reply] { ParseAndRun(call, parse, reply); });
  if (!posted) {
    reply(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUOTA_EXCEEDED,
                    "the server has too many requests at once"),
          nullptr);
  }
}

absl::Status Dispatcher::DrainingError() {
  return MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING,
                   "the server is stopping");
}

}  // namespace graphkiln::coordinator
