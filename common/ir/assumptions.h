// What a program takes for granted of its open sizes: that `T` is 5 or more where `x[0:5]` stands,
// that `C` is even where it is halved. Type rules record them (TypeContext), the module keeps them,
// the compiler hands them to whoever shows the types.
//
// A symbol itself stands for a size of 1 or more; nothing is recorded that follows from that.
// A plain value; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/strings.h"
#include "common/ir/dim.h"

namespace graphkiln::ir {

struct Assumption {
  Dim size;                 // open
  int64_t at_least = 0;     // size >= at_least, where multiple_of is 1
  int64_t multiple_of = 1;  // otherwise the size is a multiple of it
  int32_t source = -1;      // index into Module::sources of the node that needs it

  // `T is 5 or more`.
  std::string ToString() const;
  // Whether it holds for these sizes; an error where a symbol has none.
  absl::StatusOr<bool> Holds(const Dim::SymbolValue& symbol) const;
};

// size >= least in the simplest form: `(T-3)//2+1 >= 1` is `T >= 3`. REQUIRES: size is open.
Assumption AtLeast(Dim size, int64_t least);

// Without repetitions: of several lower bounds of one size the largest stays.
class Assumptions {
 public:
  void Add(Assumption assumption);
  const std::vector<Assumption>& all() const { return all_; }

  // What was added since then is as if it had never been.
  size_t mark() const { return log_.size(); }
  void TakeBack(size_t mark);

 private:
  struct Change {
    size_t index;                      // into all_
    std::optional<Assumption> before;  // nothing where it was new
  };
  static std::string Key(const Assumption& assumption);

  std::vector<Assumption> all_;
  StringMap<size_t> known_;
  std::vector<Change> log_;
};

}  // namespace graphkiln::ir
