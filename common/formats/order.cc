#include "common/formats/order.h"

#include <functional>
#include <queue>
#include <string>

#include "common/base/strings.h"

namespace graphkiln::formats {

void References(const v1::Argument& argument, std::vector<const v1::Reference*>* out) {
  std::vector<const v1::Argument*> stack = {&argument};
  while (!stack.empty()) {
    const v1::Argument& next = *stack.back();
    stack.pop_back();
    if (next.has_reference()) out->push_back(&next.reference());
    for (const v1::Argument& item : next.list().items()) stack.push_back(&item);
    for (const v1::ArgumentEntry& entry : next.map().entries()) stack.push_back(&entry.value());
  }
}

std::vector<int> CallOrder(const v1::Graph& graph) {
  StringMap<int> index;
  for (int i = 0; i < graph.nodes_size(); ++i) index.emplace(graph.nodes(i).id(), i);
  const auto count = static_cast<size_t>(graph.nodes_size());
  std::vector<std::vector<int>> readers(count);
  std::vector<int> waits(count, 0);
  for (int i = 0; i < graph.nodes_size(); ++i) {
    std::vector<const v1::Reference*> references;
    for (const v1::NodeInput& input : graph.nodes(i).inputs())
      References(input.value(), &references);
    for (const v1::Reference* reference : references) {
      const auto it = index.find(reference->node());
      if (it == index.end()) continue;
      readers[static_cast<size_t>(it->second)].push_back(i);
      ++waits[static_cast<size_t>(i)];
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < graph.nodes_size(); ++i) {
    if (waits[static_cast<size_t>(i)] == 0) ready.push(i);
  }
  std::vector<int> order;
  order.reserve(count);
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const int reader : readers[static_cast<size_t>(next)]) {
      if (--waits[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
  }
  for (int i = 0; i < graph.nodes_size(); ++i) {
    if (waits[static_cast<size_t>(i)] > 0) order.push_back(i);
  }
  return order;
}

}  // namespace graphkiln::formats
