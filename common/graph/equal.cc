#include "common/graph/equal.h"

#include "google/protobuf/util/message_differencer.h"

namespace graphkiln::graph {

bool Equal(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

}  // namespace graphkiln::graph
