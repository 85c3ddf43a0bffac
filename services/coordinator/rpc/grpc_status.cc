#include "services/coordinator/rpc/grpc_status.h"

#include <fmt/format.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include "services/coordinator/core/errors.h"
#include "services/coordinator/rpc/error_details.h"

namespace graphkiln::coordinator {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status rpc = ToRpcStatus(status);
  // The codes are the same numbers.
  return {static_cast<grpc::StatusCode>(rpc.code()), rpc.message(),
          rpc.details().empty() ? std::string() : rpc.SerializeAsString()};
}

absl::Status ParseBuffer(grpc::ByteBuffer* buffer, google::protobuf::Message* message) {
  grpc::ProtoBufferReader reader(buffer);
  if (reader.status().ok() && message->ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  return FieldError("request", fmt::format("the bytes are not a {}", message->GetTypeName()));
}

absl::Status SerializeToBuffer(const google::protobuf::Message& message, grpc::ByteBuffer* buffer) {
  bool own_buffer = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(message, buffer,
                                                                                 &own_buffer);
  if (status.ok()) return absl::OkStatus();
  return absl::InternalError("cannot serialize " + message.GetTypeName());
}

}  // namespace graphkiln::coordinator
