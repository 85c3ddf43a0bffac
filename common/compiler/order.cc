#include "common/compiler/order.h"

#include <string>
#include <utility>
#include <vector>

namespace graphkiln::compiler {
void OrderNodes(const Report::Place& outer, NormalGraph& graph, Report& report) {
  enum : char { kNew, kOpen, kDone };
  std::vector<char> state(graph.nodes.size(), kNew);
  struct Frame {
    int node;
    size_t first, next;  // of its references
  };
  std::vector<Frame> stack;
  std::vector<size_t> position(graph.nodes.size());  // on the stack, of open nodes
  std::vector<Arg*> refs;  // of the nodes on the stack, one after the other
  graph.order.reserve(graph.nodes.size());
  const auto open = [&](int n) {
    state[static_cast<size_t>(n)] = kOpen;
    position[static_cast<size_t>(n)] = stack.size();
    stack.push_back({n, refs.size(), refs.size()});
    VisitNodeRefs(graph.nodes[static_cast<size_t>(n)], [&](Arg& ref) { refs.push_back(&ref); });
  };
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (state[i] == kNew) open(static_cast<int>(i));
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == refs.size()) {
        state[static_cast<size_t>(frame.node)] = kDone;
        graph.order.push_back(frame.node);
        refs.resize(frame.first);
        stack.pop_back();
        continue;
      }
      Arg* ref = refs[frame.next++];
      const int to = ref->index;
      if (state[static_cast<size_t>(to)] == kNew) {
        open(to);
      } else if (state[static_cast<size_t>(to)] == kOpen) {
        std::string cycle;
        size_t shown = 0;
        for (size_t s = position[static_cast<size_t>(to)]; s < stack.size() && shown < 10;
             ++s, ++shown) {
          cycle += graph.nodes[static_cast<size_t>(stack[s].node)].id.substr(0, 80) + " <- ";
        }
        if (shown == 10) cycle += "... <- ";
        cycle += graph.nodes[static_cast<size_t>(to)].id.substr(0, 80);
        const std::string& id = graph.nodes[static_cast<size_t>(frame.node)].id;
        v1::Diagnostic& diagnostic =
            report.ErrorAt(outer.Inside(id), "CYCLE", "the node depends on its own result");
        diagnostic.set_found(cycle);
        diagnostic.set_expected("a graph without cycles");
        ref->kind = Arg::Kind::kUnknown;
        ref->cut = true;
        graph.nodes[static_cast<size_t>(frame.node)].in_cycle = true;
      }
    }
  }
}

void Uncut(NormalNode& node) {
  VisitNodeRefs(node, [](Arg& ref) {
    ref.kind = Arg::Kind::kNode;
    ref.cut = false;
  });
  node.in_cycle = false;
}

void WarnUnused(const NormalGraph& graph, Report& report) {
  std::vector<bool> used(graph.nodes.size(), false);
  std::vector<int> stack;
  const auto mark = [&](const Arg& ref) {
    if (ref.cut || used[static_cast<size_t>(ref.index)]) return;
    used[static_cast<size_t>(ref.index)] = true;
    stack.push_back(ref.index);
  };
  for (const auto& [name, arg] : graph.outputs) VisitRefs(arg, mark);
  while (!stack.empty()) {
    const int n = stack.back();
    stack.pop_back();
    VisitNodeRefs(graph.nodes[static_cast<size_t>(n)], mark);
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i] || graph.nodes[i].mode == v1::NODE_MODE_MUTED) continue;
    v1::Diagnostic& diagnostic =
        report.Warning("UNUSED_NODE", "no output of the graph depends on this node");
    diagnostic.set_node(graph.nodes[i].id);
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description("remove the node");
    fix->add_edits()->mutable_remove_node()->set_node(graph.nodes[i].id);
  }
}

}  // namespace graphkiln::compiler
