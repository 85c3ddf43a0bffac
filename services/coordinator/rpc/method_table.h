// The one table of methods: full name to handler, kind, limits and authorization rule.
//
// gRPC and HTTP are adapters over it; a method that is not in it does not exist (deny by default).
// Kinds and message types come from the descriptors, so the table cannot disagree with the protos.
// Built once at start, then read-only.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/strings.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "services/coordinator/rpc/call.h"
#include "services/coordinator/rpc/stream.h"

namespace graphkiln::coordinator {

enum class MethodKind { kUnary, kServerStream, kClientStream, kBidi };

/// Where a unary handler runs: on the transport's thread (it takes microseconds) or on the executor
/// (it may block).
enum class Where { kInline, kExecutor };

inline constexpr size_t kGraphLimit = 16 << 20;  // requests that carry a graph
inline constexpr size_t kPlainLimit = 4 << 20;   // all others

/// What a registration decides.
struct MethodRule {
  Role role;
  Where where = Where::kExecutor;
  size_t max_request_bytes = kPlainLimit;
};

using UnaryHandler =
    std::function<void(const CallPtr&, google::protobuf::Message& request, RawReply)>;
using StreamFactory =
    std::function<std::shared_ptr<Stream>(const CallPtr&, const std::shared_ptr<StreamSink>&)>;

struct MethodEntry {
  std::string name;     // `/graphkiln.v1.JobService/SubmitJob`
  std::string service;  // `graphkiln.v1.JobService`
  std::string method;   // `SubmitJob`
  MethodKind kind = MethodKind::kUnary;
  MethodRule rule;
  const google::protobuf::Message* request = nullptr;  // prototypes
  const google::protobuf::Message* response = nullptr;
  UnaryHandler unary;    // of unary methods
  StreamFactory stream;  // of all others
  size_t index = 0;      // position in entries()
};

class MethodTable {
 public:
  /// `handler(const CallPtr&, Request&, Reply<Response>)`; the request lives until it returns.
  template <class Request, class Response, class Handler>
  void Unary(std::string_view name, MethodRule rule, Handler handler) {
    AddUnary(name, rule, Request::descriptor(), Response::descriptor(),
             [handler = std::move(handler)](const CallPtr& call, google::protobuf::Message& request,
                                            RawReply reply) {
               handler(call, static_cast<Request&>(request),
                       Reply<Response>(std::make_shared<ReplyState>(std::move(reply))));
             });
  }
  template <class Request, class Response>
  void Streaming(std::string_view name, MethodRule rule, StreamFactory factory) {
    AddStream(name, rule, Request::descriptor(), Response::descriptor(), std::move(factory));
  }
  /// A declared method that a later version serves: UNIMPLEMENTED with reason UNSUPPORTED.
  void Unsupported(std::string_view name, Role role);

  const MethodEntry* Find(std::string_view name) const;
  const std::deque<MethodEntry>& entries() const { return entries_; }
  /// Names of services, in order of registration.
  const std::vector<std::string>& services() const { return services_; }
  /// Every method of every service in the table has an entry.
  absl::Status CheckComplete() const;

 private:
  MethodEntry* Add(std::string_view name, MethodRule rule);
  void AddUnary(std::string_view name, MethodRule rule, const google::protobuf::Descriptor* request,
                const google::protobuf::Descriptor* response, UnaryHandler handler);
  void AddStream(std::string_view name, MethodRule rule,
                 const google::protobuf::Descriptor* request,
                 const google::protobuf::Descriptor* response, StreamFactory factory);

  std::deque<MethodEntry> entries_;  // stable addresses
  StringMap<MethodEntry*> by_name_;
  std::vector<std::string> services_;
};

}  // namespace graphkiln::coordinator
