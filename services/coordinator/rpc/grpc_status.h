// gRPC's form of an error and of messages. Any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace graphkiln::coordinator {

/// Code, message and `grpc-status-details-bin`.
grpc::Status ToGrpcStatus(const absl::Status& status);

/// Error: FIELD_INVALID for bytes that are no such message.
absl::Status ParseBuffer(grpc::ByteBuffer* buffer, google::protobuf::Message* message);
absl::Status SerializeToBuffer(const google::protobuf::Message& message, grpc::ByteBuffer* buffer);

}  // namespace graphkiln::coordinator
