// The handler's side of a streaming call, and how it talks to its transport.
//
// The transport pulls: one message is in flight at a time, so a slow reader costs one message and
// no queue (`service.md` section 2). It calls the methods of a Stream one at a time, never
// concurrently, never with a lock held, on any thread; they return in microseconds. Whatever else
// changes a stream (an executor task, a listener of the queue) changes state that the stream guards
// itself, then wakes the sink.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace graphkiln::coordinator {

/// The transport's side; thread-safe, never blocks, harmless after the call has ended.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  /// Pull again: there may be something to write, or the end.
  virtual void Wake() = 0;
  /// Takes back an OnMessage that returned false.
  virtual void ResumeReading() = 0;
};

class Stream {
 public:
  enum class Next {
    kMessage,  // `response` is filled in
    kWait,     // nothing now; Wake follows
    kFinish,   // `status` is filled in
  };

  virtual ~Stream() = default;
  /// A message of the client; of server streams the only one. False: do not read on before
  /// ResumeReading.
  virtual bool OnMessage(google::protobuf::Message& request) = 0;
  /// The client sends no more. Not called for server streams.
  virtual void OnHalfClose() {}
  /// What to write next. `response` is empty and of the method's response type.
  virtual Next Pull(google::protobuf::Message* response, absl::Status* status) = 0;
  /// The call is over, whatever the reason; nothing is called afterwards. Unsubscribe here.
  virtual void OnClosed() {}
};

}  // namespace graphkiln::coordinator
