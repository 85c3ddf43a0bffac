#include "common/graph/rename.h"

#include <functional>
#include <map>
#include <optional>

#include "common/graph/references.h"
#include "fmt/format.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace graphkiln::graph {
namespace {

// All names that a node refers to by: its inputs' and the module that it shares.
void VisitNames(v1::Node* node, const std::function<void(std::string*)>& visit) {
  for (v1::NodeInput& input : *node->mutable_inputs()) {
    RewriteReferences(*input.mutable_value(),
                      [&](v1::Reference& reference) { visit(reference.mutable_node()); });
  }
  if (!node->module().empty()) visit(node->mutable_module());
}

// Equal for equal messages; maps are written in order of their keys.
std::string Stable(const v1::Node& node) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    node.SerializeToCodedStream(&out);
  }
  return bytes;
}

// The nodes of one graph that the other lacks, each with what it is made of.
class Side {
 public:
  Side(const v1::Graph& graph, const StringSet& others) {
    for (const v1::Node& node : graph.nodes()) {
      if (others.contains(node.id())) continue;
      index_.emplace(node.id(), nodes_.size());
      nodes_.push_back(&node);
    }
    Order();
    for (const size_t n : order_) Sign(n);
  }

  const std::vector<const v1::Node*>& nodes() const { return nodes_; }
  // Execution order; nodes in circles are left out.
  const std::vector<size_t>& order() const { return order_; }
  // What the node and all unknown nodes before it are made of; empty in circles.
  const std::string& signature(size_t n) const { return signatures_[n]; }

 private:
  void Order() {
    std::vector<int> waits(nodes_.size(), 0);
    std::vector<std::vector<size_t>> readers(nodes_.size());
    for (size_t n = 0; n < nodes_.size(); ++n) {
      v1::Node copy = *nodes_[n];
      VisitNames(&copy, [&](std::string* name) {
        const auto found = index_.find(*name);
        if (found == index_.end()) return;
        ++waits[n];
        readers[found->second].push_back(n);
      });
    }
    for (size_t n = 0; n < nodes_.size(); ++n) {
      if (waits[n] == 0) order_.push_back(n);
    }
    for (size_t next = 0; next < order_.size(); ++next) {
      for (const size_t reader : readers[order_[next]]) {
        if (--waits[reader] == 0) order_.push_back(reader);
      }
    }
    signatures_.resize(nodes_.size());
  }

  void Sign(size_t n) {
    v1::Node copy = *nodes_[n];
    copy.clear_id();
    copy.clear_doc();
    VisitNames(&copy, [&](std::string* name) {
      const auto found = index_.find(*name);
      if (found == index_.end()) return;
      *name = fmt::format("\n{:x}", std::hash<std::string>()(signatures_[found->second]));
    });
    signatures_[n] = Stable(copy);
  }

  std::vector<const v1::Node*> nodes_;
  StringMap<size_t> index_;
  std::vector<size_t> order_;
  std::vector<std::string> signatures_;
};

StringSet Names(const v1::Graph& graph) {
  StringSet names;
  for (const v1::Node& node : graph.nodes()) names.insert(node.id());
  return names;
}

// Type and inputs alone.
std::string Place(const v1::Node& node, const StringMap<std::string>& new_ids) {
  v1::Node copy;
  copy.set_type(node.type());
  *copy.mutable_inputs() = node.inputs();
  VisitNames(&copy, [&](std::string* name) {
    const auto found = new_ids.find(*name);
    if (found != new_ids.end()) *name = found->second;
  });
  return Stable(copy);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> FindRenames(const v1::Graph& from,
                                                             const v1::Graph& to) {
  const Side left(from, Names(to)), right(to, Names(from));
  StringMap<std::string> pairs;
  std::vector<bool> taken(right.nodes().size(), false);
  // Equal in all: as many here as there, paired in their order.
  std::map<std::string_view, std::pair<std::vector<size_t>, std::vector<size_t>>> equal;
  for (const size_t n : left.order()) equal[left.signature(n)].first.push_back(n);
  for (const size_t n : right.order()) equal[right.signature(n)].second.push_back(n);
  for (const auto& [signature, nodes] : equal) {
    if (nodes.first.size() != nodes.second.size()) continue;
    for (size_t i = 0; i < nodes.first.size(); ++i) {
      pairs.emplace(left.nodes()[nodes.first[i]]->id(), right.nodes()[nodes.second[i]]->id());
      taken[nodes.second[i]] = true;
    }
  }
  // Equal in place: the only candidate there.
  StringMap<std::optional<size_t>> at;
  for (size_t n = 0; n < right.nodes().size(); ++n) {
    if (taken[n]) continue;
    const auto [known, first] = at.try_emplace(Place(*right.nodes()[n], {}), n);
    if (!first) known->second = std::nullopt;
  }
  for (const size_t n : left.order()) {
    const v1::Node& node = *left.nodes()[n];
    if (pairs.contains(node.id())) continue;
    const auto found = at.find(Place(node, pairs));
    if (found == at.end() || !found->second) continue;
    pairs.emplace(node.id(), right.nodes()[*found->second]->id());
    found->second = std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const v1::Node* node : left.nodes()) {
    const auto found = pairs.find(node->id());
    if (found != pairs.end()) out.emplace_back(found->first, found->second);
  }
  return out;
}

void RenameNodes(const StringMap<std::string>& new_ids, v1::Graph* graph) {
  if (new_ids.empty()) return;
  const auto rename = [&](std::string* name) {
    const auto found = new_ids.find(*name);
    if (found != new_ids.end()) *name = found->second;
  };
  for (v1::Node& node : *graph->mutable_nodes()) {
    rename(node.mutable_id());
    VisitNames(&node, rename);
  }
  for (v1::GraphOutput& output : *graph->mutable_outputs()) {
    RewriteReferences(*output.mutable_value(),
                      [&](v1::Reference& reference) { rename(reference.mutable_node()); });
  }
  google::protobuf::Map<std::string, v1::NodeView> views;
  for (auto& [id, view] : *graph->mutable_view()->mutable_nodes()) {
    std::string name = id;
    rename(&name);
    views[name] = view;
  }
  graph->mutable_view()->mutable_nodes()->swap(views);
  if (graph->view().nodes_size() == 0) graph->clear_view();
}

}  // namespace graphkiln::graph
