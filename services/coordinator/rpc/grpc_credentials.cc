#include "services/coordinator/rpc/grpc_credentials.h"

#include <grpc/grpc_security_constants.h>

#include <memory>
#include <vector>

namespace graphkiln::coordinator {

Credentials CredentialsOf(const grpc::CallbackServerContext& context) {
  Credentials credentials;
  const auto& metadata = context.client_metadata();
  if (const auto it = metadata.find("authorization"); it != metadata.end()) {
    credentials.authorization.assign(it->second.data(), it->second.size());
  }
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  if (peer == nullptr || peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty()) {
    return credentials;
  }
  std::vector<std::string>& names = credentials.certificate_names.emplace();
  for (const grpc::string_ref& name : peer->FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME)) {
    names.emplace_back(name.data(), name.size());
  }
  return credentials;
}

}  // namespace graphkiln::coordinator
