// What taking apart and putting together have in common. Used by unpack.cc and collapse.cc alone.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/regroup.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// Fails with the first error of the compilation.
absl::Status FirstError(const CompileResult& compiled, std::string_view what);

// The instances inside of the instance `parent` (-1: of the graph), by id. The result refers to
// `compiled`.
using InstancesById = StringMap<const Instance*>;
InstancesById InstancesOf(const CompileResult& compiled, int parent);

// Null where there is none.
const Instance* FindInstance(const InstancesById& instances, std::string_view id);

// Fills in the keys of the new graph. `moved` maps weights paths of before to those of after.
// Refuses where both graphs do not have the same weights, or these would not learn alike.
absl::Status FillKeys(const CompileResult& before, const StringMap<std::string>& moved,
                      const CompileResult& after, Regrouped* out);

// Calls `visit(Argument&)` for every reference in it, in order.
template <class F>
void VisitReferences(v1::Argument& argument, F&& visit) {
  std::vector<v1::Argument*> stack = {&argument};
  while (!stack.empty()) {
    v1::Argument* current = stack.back();
    stack.pop_back();
    if (current->has_list()) {
      for (int i = current->list().items_size(); i-- > 0;)
        stack.push_back(current->mutable_list()->mutable_items(i));
    } else if (current->has_map()) {
      for (int i = current->map().entries_size(); i-- > 0;)
        stack.push_back(current->mutable_map()->mutable_entries(i)->mutable_value());
    } else if (current->has_reference()) {
      visit(*current);
    }
  }
}

// Names that nodes and inputs bear; gives out free ones.
class FreeNames {
 public:
  void Take(std::string_view name) { taken_.insert(std::string(name)); }
  std::string New(const std::string& wanted);

 private:
  StringSet taken_;
};

}  // namespace graphkiln::compiler
