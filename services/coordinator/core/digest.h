// One byte string per message: maps in order of key, so that equal requests have equal digests.
#pragma once

#include <google/protobuf/message_lite.h>

#include <string>

namespace graphkiln::coordinator {

std::string SerializeDeterministic(const google::protobuf::MessageLite& message);

}  // namespace graphkiln::coordinator
