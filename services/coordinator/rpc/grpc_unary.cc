#include "services/coordinator/rpc/grpc_unary.h"

#include <atomic>
#include <memory>
#include <utility>

#include "services/coordinator/rpc/grpc_credentials.h"
#include "services/coordinator/rpc/grpc_status.h"

namespace graphkiln::coordinator {
namespace {

class UnaryReactor final : public grpc::ServerUnaryReactor,
                           public std::enable_shared_from_this<UnaryReactor> {
 public:
  UnaryReactor(Dispatcher& dispatcher, const MethodEntry& method, grpc::ByteBuffer* response)
      : dispatcher_(dispatcher),
        method_(method),
        response_(response),
        received_(dispatcher.Received()) {}

  void Start(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
    self_ = shared_from_this();
    auto call = dispatcher_.Admit(method_, CredentialsOf(*context));
    if (!call.ok()) return Complete(call.status(), nullptr);
    if (const absl::Status size = Dispatcher::CheckSize(method_, request->Length()); !size.ok()) {
      return Complete(size, nullptr);
    }
    // The slices are shared, not copied.
    auto bytes = std::make_shared<grpc::ByteBuffer>(*request);
    dispatcher_.RunUnary(
        *std::move(call),
        [bytes](google::protobuf::Message* message) { return ParseBuffer(bytes.get(), message); },
        [self = shared_from_this()](const absl::Status& status,
                                    const google::protobuf::Message* message) {
          self->Complete(status, message);
        });
  }

  // The handler may still work; its answer is dropped.
  void OnCancel() override { Complete(absl::CancelledError("the caller gave up"), nullptr); }

  void OnDone() override { self_.reset(); }

 private:
  void Complete(absl::Status status, const google::protobuf::Message* message) {
    if (finished_.exchange(true)) return;
    if (status.ok()) status = SerializeToBuffer(*message, response_);
    dispatcher_.Finished(method_, status.code(), received_);
    Finish(ToGrpcStatus(status));
  }

  Dispatcher& dispatcher_;
  const MethodEntry& method_;
  grpc::ByteBuffer* const response_;
  const absl::Duration received_;
  std::atomic<bool> finished_{false};
  std::shared_ptr<UnaryReactor> self_;  // until OnDone
};

}  // namespace

grpc::ServerUnaryReactor* StartUnaryCall(Dispatcher& dispatcher, const MethodEntry& method,
                                         grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) {
  auto reactor = std::make_shared<UnaryReactor>(dispatcher, method, response);
  reactor->Start(context, request);
  return reactor.get();
}

}  // namespace graphkiln::coordinator
