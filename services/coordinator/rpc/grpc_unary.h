// A unary gRPC call over the method table.
//
// Reactor conduct (`service.md` section 2): Finish exactly once on every path, also when the call
// is cancelled while the handler still works; nothing is touched after Finish.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include "services/coordinator/rpc/dispatcher.h"

namespace graphkiln::coordinator {

/// Starts a call. `request` and `response` live until the reactor is done, which deletes itself.
grpc::ServerUnaryReactor* StartUnaryCall(Dispatcher& dispatcher, const MethodEntry& method,
                                         grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response);

}  // namespace graphkiln::coordinator
