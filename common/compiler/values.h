// What arrives where: the value of an argument while a graph is typed, within limits on tuples and
// dicts. Called by the type pass; one object per compilation.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/compiler/normalise.h"
#include "common/compiler/value_tree.h"

namespace graphkiln::compiler {

class Values {
 public:
  static constexpr char kLimit[] =
      "tuples and dicts hold at most 10,000 values in 64 levels, all of a graph 1,000,000";

  // What is known of the graph around an argument.
  struct Scope {
    const NormalGraph& graph;
    const std::vector<Tree>& inputs;   // by input of the graph
    const std::vector<Tree>& results;  // by node
  };

  // The value of one argument. The depth of arguments is bounded by the normaliser; what grows too
  // large is unknown, and the next TooLarge says so.
  Tree Of(const Scope& scope, const Arg& arg);

  // What arrives at a port: a tuple where it is variadic, kNone where nothing is connected. Muted
  // values are left out of a tuple.
  Tree At(const Scope& scope, const PortArgs& args, bool variadic);
  // What the last At left out, or null.
  const Tree* left_out() const { return left_out_ ? &*left_out_ : nullptr; }

  // Counts what is kept; true where a limit is passed, now or while the value was built.
  bool TooLarge(const Tree& tree);

  // The limit of all values together is used up: nothing more can be kept.
  bool full() const { return kept_ > kMost; }

  // Parts of tuples and dicts kept so far; kMost is the limit.
  int64_t kept() const { return kept_; }
  static constexpr int64_t kMost = 1'000'000;

 private:
  // Parts and levels of one value. A chain of nodes that each give their
  // input twice ends here.
  static constexpr uint32_t kMostParts = 10'000;
  static constexpr int kMostLevels = 64;

  Tree Items(const Scope& scope, const Arg& arg, Tree tree);

  int64_t kept_ = 0;
  bool grown_ = false;  // a value just built passed the limit
  std::optional<Tree> left_out_;
};

}  // namespace graphkiln::compiler
