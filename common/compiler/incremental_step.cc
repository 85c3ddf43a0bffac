#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "common/base/strings.h"
#include "common/compiler/incremental_state.h"
#include "common/compiler/node_names.h"
#include "common/compiler/order.h"
#include "common/compiler/outputs.h"
#include "common/compiler/report.h"
#include "common/compiler/type_pass.h"
#include "common/compiler/weights.h"
#include "common/ir/call_builder.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

using Pass = FindingStore::Pass;
using Part = FindingStore::Part;

// Beyond these, a graph is compiled as a whole: what the passes bound over the whole graph must be
// far from its bound. Findings, and those where fixes for bypassed nodes are offered; errors, from
// 100 on the compiler makes no suggestions; instances, of which a graph may have 200,000; what is
// left of the 400,000 nodes that composites may become; values kept of former changes.
constexpr size_t kMostFindings = 500;
constexpr size_t kMostFindingsWithFixes = 100;
constexpr int kMostErrors = 50;
constexpr size_t kMostInstances = 100'000;
constexpr int64_t kLeastExpandable = 200'000;
constexpr int64_t kMostKept = Values::kMost / 2;
constexpr int64_t kMostWeightsFollowed = kMostWeights / 2;
constexpr size_t kMostValuesFollowed = ir::kMostValues / 2;
constexpr int64_t kMostSizesFollowed = ir::kMostSizes / 2;
constexpr size_t kMostOldValues = 100'000;
// Changes that are followed one after the other; of more, all together are as fast.
constexpr size_t kMostSteps = 16;

// Also those that a cycle cut off.
std::vector<int> SourcesOf(const NormalNode& node) {
  std::vector<int> sources;
  VisitNodeRefs(node, [&](const Arg& ref) { sources.push_back(ref.index); });
  return sources;
}

void Merge(const std::vector<int>& more, std::vector<int>* sorted) {
  std::vector<int> all;
  all.reserve(sorted->size() + more.size());
  std::set_union(sorted->begin(), sorted->end(), more.begin(), more.end(), std::back_inserter(all));
  *sorted = std::move(all);
}

std::vector<int> Sorted(std::vector<int> some) {
  std::sort(some.begin(), some.end());
  some.erase(std::unique(some.begin(), some.end()), some.end());
  return some;
}

bool IsActive(const v1::Node& node) {
  return node.mode() != v1::NODE_MODE_BYPASSED && node.mode() != v1::NODE_MODE_MUTED;
}

}  // namespace

absl::Status IncrementalState::Replace(std::vector<v1::Node> nodes) {
  for (const v1::Node& node : nodes) {
    if (Find(node.id()) == nullptr)
      return absl::NotFoundError(fmt::format("there is no node {}", QuoteForMessage(node.id())));
  }
  const bool one_by_one = nodes.size() <= kMostSteps;
  bool followed = one_by_one;
  size_t retyped = 0;
  std::vector<int> changed;
  for (v1::Node& node : nodes) {
    const int index = names_.nodes.at(node.id());
    graph_.mutable_nodes(index)->Swap(&node);
    if (!followed) continue;
    followed = Step(index, node);
    retyped += retyped_;
    changed.insert(changed.end(), changed_.begin(), changed_.end());
  }
  if (!followed) {
    Full();
    Merge(Sorted(std::move(changed)), &changed_);  // steps before may have changed others
    return absl::OkStatus();
  }
  retyped_ = retyped;
  changed_ = Sorted(std::move(changed));
  return absl::OkStatus();
}

bool IncrementalState::Free() const {
  return findings_.errors() <= kMostErrors && findings_.size() <= kMostFindings &&
         (inactive_ == 0 || findings_.size() <= kMostFindingsWithFixes) &&
         passed_.expandable >= 0 && passed_.kept <= kMostKept && instances_ <= kMostInstances &&
         passed_.weights <= kMostWeightsFollowed && module_.values.size() <= kMostValuesFollowed &&
         module_.sizes <= kMostSizesFollowed;
}

bool IncrementalState::Step(int index, const v1::Node& before) {
  retyped_ = 0;
  changed_.clear();
  const bool grown = module_.values.size() > 2 * first_values_ + kMostOldValues;
  if (!follows_ || grown || passed_.expandable < kLeastExpandable || !Free()) return false;
  const v1::Node& after = graph_.nodes(index);
  // Others may have other names then.
  if (after.name() != before.name()) return false;
  const bool dotted = after.name().find('.') != std::string::npos;
  if (dotted && (after.type() != before.type() || after.module() != before.module())) return false;
  graph_bytes_ += after.SpaceUsedLong() - before.SpaceUsedLong();
  inactive_ += (IsActive(after) ? 0 : 1) - (IsActive(before) ? 0 : 1);
  const bool was_normal = findings_.normal();

  // With a node come all that share weights with it, before or now.
  std::vector<int> nodes = wiring_->Sharing(index);
  wiring_->Change(index, before, after);
  Merge(wiring_->Sharing(index), &nodes);
  Changes changes;
  Normalise(nodes, false, &changes);
  // Where names of ports mean something else now, the first pass looks at all who name them.
  std::vector<int> readers;
  bool outputs = false;
  for (const int node : changes.other_ports) {
    outputs |= wiring_->InOutput(node);
    for (const int reader : wiring_->Readers(node)) {
      if (!std::binary_search(nodes.begin(), nodes.end(), reader) &&
          !std::binary_search(readers.begin(), readers.end(), reader))
        Merge(wiring_->Sharing(reader), &readers);
    }
  }
  if (!readers.empty() || outputs) Normalise(readers, outputs, &changes);
  Merge(readers, &nodes);
  Order(changes.other_sources, &nodes);
  if (!Free() || !Retype(nodes, outputs)) return false;
  if (changes.other_sources || outputs || before.mode() != after.mode() ||
      findings_.normal() != was_normal) {
    WarnUnused();
  }
  return Free();
}

void IncrementalState::Normalise(const std::vector<int>& nodes, bool outputs, Changes* changes) {
  struct Before {
    const nodes::NodeDef* def;
    const v1::Composite* composite;
    bool container;
    std::vector<int> sources;
  };
  std::vector<Before> before;
  before.reserve(nodes.size());
  for (const int node : nodes) {
    const NormalNode& at = At(node);
    before.push_back({at.def, at.composite, at.own != nullptr, SourcesOf(at)});
  }
  Renewal renewal;
  renewal.names = &names_;
  renewal.nodes = nodes;
  renewal.outputs = outputs;
  if (nodes.size() > 1) {  // nodes that share weights may have exchanged them
    if (identifiers_.empty()) identifiers_ = NodeIdentifiers(args_.nodes);
    renewal.identifiers = &identifiers_;
  }
  Report report;
  NormaliseAgain(args_, renewal, &passed_.normal, report);
  std::map<int, FindingStore::Found> found;
  for (v1::Diagnostic& d : report.Take())
    found[d.node().empty() ? -1 : names_.nodes.at(d.node())].push_back(std::move(d));
  if (outputs) findings_.Put(Part::kOutputArguments, std::move(found[-1]));
  for (size_t i = 0; i < nodes.size(); ++i) {
    const NormalNode& at = At(nodes[i]);
    findings_.Put(nodes[i], Pass::kNormalise, std::move(found[nodes[i]]));
    // A container is made anew each time.
    if (at.def != before[i].def || at.composite != before[i].composite || before[i].container ||
        at.own != nullptr)
      changes->other_ports.push_back(nodes[i]);
    changes->other_sources |= SourcesOf(at) != before[i].sources;
    ReadWeight(nodes[i]);
  }
}

void IncrementalState::ReadWeight(int index) {
  const NormalNode& node = At(index);
  const bool reads = node.def != nullptr && node.def->reads_weight && !node.broken &&
                     node.inputs[0][0].kind == Arg::Kind::kNode;
  wiring_->SetWeightRead(index, reads ? node.inputs[0][0].index : -1);
}

void IncrementalState::Order(bool other_sources, std::vector<int>* nodes) {
  if (!other_sources && cyclic_.empty()) return;
  // Of nodes that share weights, the first one counts.
  std::vector<int> sharing = wiring_->AllSharing();
  bool stands = cyclic_.empty() && sharing.empty();
  for (size_t i = 0; stands && i < nodes->size(); ++i) {
    for (const int source : SourcesOf(At((*nodes)[i])))
      stands &= PlaceOf(source) < PlaceOf((*nodes)[i]);
  }
  if (stands) return;
  const auto by_place = [&](int a, int b) { return PlaceOf(a) < PlaceOf(b); };
  std::sort(sharing.begin(), sharing.end(), by_place);
  for (const int node : cyclic_) Uncut(At(node));
  passed_.normal.order.clear();
  Report report;
  OrderNodes({}, passed_.normal, report);
  Number();
  if (!std::is_sorted(sharing.begin(), sharing.end(), by_place)) {
    std::sort(sharing.begin(), sharing.end());
    Merge(sharing, nodes);
  }
  Merge(cyclic_, nodes);
  findings_.Drop(Pass::kCycle);
  std::map<int, FindingStore::Found> found;
  for (v1::Diagnostic& d : report.Take()) found[names_.nodes.at(d.node())].push_back(std::move(d));
  cyclic_.clear();
  for (auto& [node, all] : found) {
    cyclic_.push_back(node);
    findings_.Put(node, Pass::kCycle, std::move(all));
  }
  Merge(cyclic_, nodes);
}

bool IncrementalState::Retype(const std::vector<int>& nodes, bool outputs) {
  std::set<std::pair<int, int>> work;
  for (const int node : nodes) work.emplace(PlaceOf(node), node);
  std::map<int, std::shared_ptr<WeightTable>> tables;  // by node that shares weights
  while (!work.empty()) {
    const int index = work.begin()->second;
    work.erase(work.begin());
    WeightTable* table = nullptr;
    if (wiring_->SharesWeights(index)) {
      const auto it = tables.find(index);
      if (it == tables.end()) {
        // They agree with the first of them, so all are typed again, in order.
        const auto shared = std::make_shared<WeightTable>();
        for (const int member : wiring_->WeightGroup(index)) {
          tables.emplace(member, shared);
          work.emplace(PlaceOf(member), member);
        }
        continue;
      }
      table = it->second.get();
    }
    // Reaching most of the graph, a whole compilation is as fast.
    if (++retyped_ > nodes_.size() / 2 + 64) return false;
    const Tree before = std::move(passed_.results[static_cast<size_t>(index)]);
    Report report;
    const TypedNode typed =
        TypeNode(passed_.normal, index, passed_.inputs, *passed_.composites, table,
                 &passed_.results, &module_, report, &passed_.expandable);
    instances_ += typed.instances;
    passed_.kept += typed.kept;
    passed_.weights += typed.weights;
    std::vector<v1::Diagnostic> found = report.Take();
    for (const v1::Diagnostic& d : found) {
      if (d.code() == "LIMIT" || d.code() == "INTERNAL" || d.node() != At(index).id) return false;
    }
    findings_.Put(index, Pass::kType, std::move(found));
    const Tree& after = passed_.results[static_cast<size_t>(index)];
    const bool same = Same(before, after);
    NodeTypes& types = nodes_[static_cast<size_t>(index)];
    if (!same || types.type != At(index).type) {
      NodeTypes now = TypesOf(At(index), after, module_);
      if (now != types) changed_.push_back(index);
      types = std::move(now);
    }
    if (same) continue;
    outputs |= wiring_->InOutput(index);
    for (const int reader : wiring_->Readers(index)) work.emplace(PlaceOf(reader), reader);
  }
  return !outputs || Outputs();
}

bool IncrementalState::Outputs() {
  Report report;
  Values values;
  const GraphOutputs outputs =
      TypeOutputs({passed_.normal, passed_.inputs, passed_.results}, values, report);
  CheckOutputs(graph_, outputs, report);
  findings_.Drop(Pass::kOutputs);
  std::map<int, FindingStore::Found> found;
  for (v1::Diagnostic& d : report.Take()) {
    if (d.code() == "LIMIT") return false;
    found[d.node().empty() ? -1 : names_.nodes.at(d.node())].push_back(std::move(d));
  }
  findings_.Put(Part::kOutputValues, std::move(found[-1]));
  for (auto& [node, all] : found) {
    if (node >= 0) findings_.Put(node, Pass::kOutputs, std::move(all));
  }
  return true;
}

bool IncrementalState::Same(const Tree& a, const Tree& b) const {
  if (a.kind != b.kind || a.items.size() != b.items.size() || a.names != b.names) return false;
  // A withheld value stands for its node, which messages show.
  if (a.kind == Tree::Kind::kLiteral || a.kind == Tree::Kind::kWithheld) return false;
  if (a.IsTensor() && module_.type(a.value) != module_.type(b.value)) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!Same(a.items[i], b.items[i])) return false;
  }
  return true;
}

void IncrementalState::WarnUnused() {
  std::vector<std::pair<int, v1::Diagnostic>> unused;
  if (findings_.normal()) {
    Report report;
    compiler::WarnUnused(passed_.normal, report);
    for (v1::Diagnostic& d : report.Take())
      unused.emplace_back(names_.nodes.at(d.node()), std::move(d));
  }
  findings_.PutUnused(std::move(unused));
}

}  // namespace graphkiln::compiler
