#include "services/coordinator/rpc/method_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"
#include "services/coordinator/rpc/error_details.h"

namespace graphkiln::coordinator {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

MethodKind KindOf(const MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? MethodKind::kBidi : MethodKind::kClientStream;
  }
  return method.server_streaming() ? MethodKind::kServerStream : MethodKind::kUnary;
}

}  // namespace

MethodEntry* MethodTable::Add(std::string_view name, MethodRule rule) {
  const size_t slash = name.rfind('/');
  if (name.empty() || name.front() != '/' || slash == 0) {
    GRAPHKILN_BUG("method_table_name", name);
    return nullptr;
  }
  const std::string service(name.substr(1, slash - 1));
  const std::string method(name.substr(slash + 1));
  const ServiceDescriptor* descriptor =
      DescriptorPool::generated_pool()->FindServiceByName(service);
  const MethodDescriptor* found =
      descriptor == nullptr ? nullptr : descriptor->FindMethodByName(method);
  if (found == nullptr || by_name_.contains(name)) {
    GRAPHKILN_BUG("method_table_entry", name);
    return nullptr;
  }
  MethodEntry& entry = entries_.emplace_back();
  entry.name = std::string(name);
  entry.service = service;
  entry.method = method;
  entry.kind = KindOf(*found);
  entry.rule = rule;
  entry.request = MessageFactory::generated_factory()->GetPrototype(found->input_type());
  entry.response = MessageFactory::generated_factory()->GetPrototype(found->output_type());
  entry.index = entries_.size() - 1;
  by_name_[entry.name] = &entry;
  if (std::find(services_.begin(), services_.end(), service) == services_.end()) {
    services_.push_back(service);
  }
  return &entry;
}

void MethodTable::AddUnary(std::string_view name, MethodRule rule, const Descriptor* request,
                           const Descriptor* response, UnaryHandler handler) {
  MethodEntry* entry = Add(name, rule);
  if (entry == nullptr) return;
  if (entry->kind != MethodKind::kUnary || entry->request->GetDescriptor() != request ||
      entry->response->GetDescriptor() != response) {
    GRAPHKILN_BUG("method_table_types", name);
    return;
  }
  entry->unary = std::move(handler);
}

void MethodTable::AddStream(std::string_view name, MethodRule rule, const Descriptor* request,
                            const Descriptor* response, StreamFactory factory) {
  MethodEntry* entry = Add(name, rule);
  if (entry == nullptr) return;
  if (entry->kind == MethodKind::kUnary || entry->request->GetDescriptor() != request ||
      entry->response->GetDescriptor() != response) {
    GRAPHKILN_BUG("method_table_types", name);
    return;
  }
  entry->stream = std::move(factory);
}

void MethodTable::Unsupported(std::string_view name, Role role) {
  MethodEntry* entry =
      Add(name, {.role = role, .where = Where::kInline, .max_request_bytes = kGraphLimit});
  if (entry == nullptr) return;
  entry->unary = [what = "serve " + entry->method](const CallPtr&, google::protobuf::Message&,
                                                   const RawReply& reply) {
    reply(UnsupportedError(what), nullptr);
  };
}

const MethodEntry* MethodTable::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

absl::Status MethodTable::CheckComplete() const {
  for (const std::string& service : services_) {
    const ServiceDescriptor* descriptor =
        DescriptorPool::generated_pool()->FindServiceByName(service);
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const std::string name = fmt::format("/{}/{}", service, descriptor->method(i)->name());
      const MethodEntry* entry = Find(name);
      if (entry == nullptr || (!entry->unary && !entry->stream)) {
        return absl::InternalError(fmt::format("{} has no entry in the method table", name));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::coordinator
