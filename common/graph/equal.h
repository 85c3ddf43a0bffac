// Equality of messages. Their serialized bytes do not tell: the order of a map's entries differs
// from one message to the next. Pure; any thread.
#pragma once

#include "google/protobuf/message.h"

namespace graphkiln::graph {

bool Equal(const google::protobuf::Message& a, const google::protobuf::Message& b);

}  // namespace graphkiln::graph
