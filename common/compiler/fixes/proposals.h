// Fixes that might mend a finding, as the generators write them down. Nothing here is checked: each
// proposal is tried before it is offered (trial.h), so generators may guess.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/compiler/fixes/site.h"
#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::compiler {

v1::Value IntValue(int64_t value);
v1::Value IntsValue(const std::vector<int64_t>& values);

// A node to put between a value and the port that it goes to.
struct Layer {
  std::string type;
  std::vector<std::pair<std::string, v1::Value>> params = {};
};

// What a fix does to the graph's meaning, from what was surely meant to what merely makes it valid.
// Of two fixes that mend equally much, the lower rank is offered first.
enum FixRank : int {
  kMisspelt,  // a near miss of a name: offered first, whatever else is wrong behind it
  kExact,     // fits without changing a size: an order of dimensions, an item of a tuple
  kNatural,   // the value that follows from what stands around
  kPossible,  // changes another node, or one of several values
  kForced,    // makes the graph valid; whether it was meant so, only the user knows
};

struct Proposal {
  v1::Fix fix;
  int rank = kPossible;
};

class Proposals {
 public:
  explicit Proposals(const Site& site) : site_(site) {}

  // An empty fix; past the limit one that is dropped.
  v1::Fix& Add(FixRank rank, std::string description);

  void SetParam(FixRank rank, std::string_view param, const v1::Value& value) {
    SetParam(rank, site_.node->id(), param, value);
  }
  void SetParam(FixRank rank, const std::string& node, std::string_view param,
                const v1::Value& value);
  void UnsetParam(FixRank rank, std::string_view param);
  // `port` as in `inputs[1]`.
  void Connect(FixRank rank, std::string_view port, const v1::Reference& source);
  // Puts layers between what arrives and the port.
  void Insert(FixRank rank, const SiteInput& input, const std::vector<Layer>& layers);

  std::vector<Proposal> Take() { return std::move(list_); }

 private:
  const Site& site_;
  std::vector<Proposal> list_;
  v1::Fix dropped_;
};

// `node`, or `node.port`.
std::string ReferenceText(const v1::Reference& reference);

}  // namespace graphkiln::compiler
