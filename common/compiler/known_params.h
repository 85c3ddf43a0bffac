// Parameters of the last few instances of each type, as they were given and as they are when all is
// checked and inferred: many nodes of a graph are alike, and share what one of them has made. Used
// by the type pass; one object per compilation.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/nodes/given_params.h"
#include "common/nodes/node_def.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::compiler {

class KnownParams {
 public:
  // Those of an instance to which the same was given, or null. What follows from the inputs' types
  // may be something else this time.
  const nodes::Params* Find(const nodes::NodeDef& def, const nodes::GivenParams& given) const;
  void Add(const nodes::NodeDef& def, const nodes::GivenParams& given, const nodes::Params& params);

 private:
  struct One {
    std::vector<std::pair<std::string, v1::Value>> given;
    nodes::Params params;
  };
  struct Last {
    std::array<One, 4> ones;
    size_t count = 0;  // ever added
  };
  absl::flat_hash_map<const nodes::NodeDef*, Last> by_type_;
};

}  // namespace graphkiln::compiler
