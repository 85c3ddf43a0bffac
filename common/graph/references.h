// Walks over what an argument refers to: the one way to find the references inside of lists and
// maps. In the order of the text, without recursion: the depth of an argument costs memory only.
#pragma once

#include <string_view>

#include "absl/container/inlined_vector.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

// Calls `visit(const v1::Reference&)` for each reference in the argument.
template <class F>
void VisitReferences(const v1::Argument& argument, F&& visit) {
  absl::InlinedVector<const v1::Argument*, 8> open = {&argument};
  while (!open.empty()) {
    const v1::Argument& at = *open.back();
    open.pop_back();
    if (at.has_reference()) visit(at.reference());
    const auto& items = at.list().items();
    for (auto item = items.rbegin(); item != items.rend(); ++item) open.push_back(&*item);
    const auto& entries = at.map().entries();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
      open.push_back(&entry->value());
  }
}

// Calls `visit(v1::Argument&)` for each part of the argument, or itself, that is a reference; what
// it is replaced by is not visited.
template <class F>
void VisitReferring(v1::Argument& argument, F&& visit) {
  absl::InlinedVector<v1::Argument*, 8> open = {&argument};
  while (!open.empty()) {
    v1::Argument& at = *open.back();
    open.pop_back();
    if (at.has_list()) {
      auto& items = *at.mutable_list()->mutable_items();
      for (auto item = items.rbegin(); item != items.rend(); ++item) open.push_back(&*item);
    } else if (at.has_map()) {
      auto& entries = *at.mutable_map()->mutable_entries();
      for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        open.push_back(entry->mutable_value());
    } else if (at.has_reference()) {
      visit(at);
    }
  }
}

// Calls `visit(v1::Reference&)` for each reference in the argument.
template <class F>
void RewriteReferences(v1::Argument& argument, F&& visit) {
  VisitReferring(argument, [&](v1::Argument& at) { visit(*at.mutable_reference()); });
}

// True where the argument refers to that node or input.
inline bool Mentions(const v1::Argument& argument, std::string_view id) {
  bool found = false;
  VisitReferences(argument, [&](const v1::Reference& r) { found = found || r.node() == id; });
  return found;
}

}  // namespace graphkiln::graph
