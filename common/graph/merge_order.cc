#include "common/graph/merge_order.h"

#include <utility>

namespace graphkiln::graph {
namespace {

std::vector<std::string> Only(const std::vector<std::string>& names, const StringSet& set) {
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (set.contains(name)) out.push_back(name);
  }
  return out;
}

StringSet SetOf(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

}  // namespace

MergedOrder MergeOrder(const std::vector<std::string>& base, const std::vector<std::string>& ours,
                       const std::vector<std::string>& theirs, const StringSet& kept,
                       bool prefer_theirs) {
  const StringSet in_base = SetOf(base), in_ours = SetOf(ours), in_theirs = SetOf(theirs);
  StringSet common;
  for (const std::string& name : base) {
    if (kept.contains(name) && in_ours.contains(name) && in_theirs.contains(name))
      common.insert(name);
  }
  const std::vector<std::string> was = Only(base, common), mine = Only(ours, common),
                                 others = Only(theirs, common);
  MergedOrder out;
  out.conflict = mine != was && others != was && mine != others;
  const bool follow_theirs = others != was && (mine == was || (out.conflict && prefer_theirs));
  const std::vector<std::string>& first = follow_theirs ? theirs : ours;
  const std::vector<std::string>& second = follow_theirs ? ours : theirs;
  const StringSet& in_first = follow_theirs ? in_theirs : in_ours;
  // Behind which name each one of the second alone comes; the empty key is the begin.
  StringMap<std::vector<std::string>> behind;
  std::vector<std::string> at_begin;
  const std::string* anchor = nullptr;
  for (const std::string& name : second) {
    if (!kept.contains(name)) continue;
    if (in_first.contains(name)) {
      anchor = &name;
    } else if (anchor == nullptr) {
      at_begin.push_back(name);
    } else {
      behind[*anchor].push_back(name);
    }
  }
  out.names = std::move(at_begin);
  for (const std::string& name : first) {
    if (!kept.contains(name)) continue;
    out.names.push_back(name);
    const auto found = behind.find(name);
    if (found == behind.end()) continue;
    out.names.insert(out.names.end(), found->second.begin(), found->second.end());
  }
  return out;
}

}  // namespace graphkiln::graph
