// What gRPC knows of a caller: its authorization header and the names in its client certificate,
// which gRPC has verified before any handler runs. Any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include "services/coordinator/rpc/auth.h"

namespace graphkiln::coordinator {

Credentials CredentialsOf(const grpc::CallbackServerContext& context);

}  // namespace graphkiln::coordinator
