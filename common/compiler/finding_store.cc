#include "common/compiler/finding_store.h"

#include <algorithm>

namespace graphkiln::compiler {
namespace {

int Errors(const FindingStore::Found& found) {
  return static_cast<int>(std::count_if(found.begin(), found.end(), [](const v1::Diagnostic& d) {
    return d.severity() == v1::SEVERITY_ERROR;
  }));
}

bool IsNormal(FindingStore::Pass pass) { return pass <= FindingStore::Pass::kCycle; }

}  // namespace

void FindingStore::Exchange(Found& at, Found found, bool normal) {
  const int more = Errors(found) - Errors(at);
  errors_ += more;
  if (normal) normal_errors_ += more;
  count_ += found.size() - at.size();
  at = std::move(found);
}

void FindingStore::Put(int node, Pass pass, Found found) {
  auto it = nodes_.find(node);
  if (it == nodes_.end()) {
    if (found.empty()) return;
    it = nodes_.emplace(node, OfNode()).first;
  }
  auto& passes = it->second.passes;
  Exchange(passes[static_cast<size_t>(pass)], std::move(found), IsNormal(pass));
  if (std::all_of(passes.begin(), passes.end(), [](const Found& f) { return f.empty(); }))
    nodes_.erase(it);
}

void FindingStore::Put(Part part, Found found) {
  Exchange(parts_[static_cast<size_t>(part)], std::move(found), part <= Part::kOutputArguments);
}

void FindingStore::Drop(Pass pass) {
  std::vector<int> nodes;
  for (const auto& [node, all] : nodes_) {
    if (!all.passes[static_cast<size_t>(pass)].empty()) nodes.push_back(node);
  }
  for (const int node : nodes) Put(node, pass, {});
}

FindingStore::Found FindingStore::All() const {
  Found all;
  all.reserve(size());
  for (const Found& part : parts_) all.insert(all.end(), part.begin(), part.end());
  auto unused = unused_.begin();
  const auto add_unused = [&](int until) {
    for (; unused != unused_.end() && unused->first < until; ++unused)
      all.push_back(unused->second);
  };
  for (const auto& [node, of_node] : nodes_) {
    add_unused(node);
    for (size_t pass = 0; pass < of_node.passes.size(); ++pass) {
      if (pass == static_cast<size_t>(Pass::kType)) add_unused(node + 1);
      all.insert(all.end(), of_node.passes[pass].begin(), of_node.passes[pass].end());
    }
  }
  for (; unused != unused_.end(); ++unused) all.push_back(unused->second);
  return all;
}

}  // namespace graphkiln::compiler
