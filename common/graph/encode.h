// Bytes of a message for hashing: different messages have different bytes, equal ones equal bytes
// on every machine. Every field of the schema counts, also those that come later. Pure; any thread.
#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace graphkiln::graph {

// Each set field by its number, lengths before contents, map entries in one order. Messages nest
// at most as deep as protobuf reads them (100 levels).
std::string Encode(const google::protobuf::Message& message);

}  // namespace graphkiln::graph
