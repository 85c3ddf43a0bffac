#include "common/compiler/incremental.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/finding_store.h"
#include "common/compiler/graph_scope.h"
#include "common/compiler/identifiers.h"
#include "common/compiler/normalise.h"
#include "common/compiler/order.h"
#include "common/compiler/outputs.h"
#include "common/compiler/passes.h"
#include "common/compiler/report.h"
#include "common/compiler/type_pass.h"
#include "common/compiler/wiring.h"
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
constexpr size_t kMostOldValues = 100'000;

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

bool IsActive(const v1::Node& node) {
  return node.mode() != v1::NODE_MODE_BYPASSED && node.mode() != v1::NODE_MODE_MUTED;
}

bool StartsWith(const std::string& text, std::string_view start) {
  return text.compare(0, start.size(), start) == 0;
}

}  // namespace

class IncrementalCompiler::State {
 public:
  void Reset(v1::Graph graph) {
    graph_ = std::move(graph);
    nodes_.clear();
    Full();
  }

  absl::Status Replace(v1::Node node) {
    const auto it = names_.nodes.find(node.id());
    if (it == names_.nodes.end())
      return absl::NotFoundError(fmt::format("there is no node {}", QuoteForMessage(node.id())));
    const int index = it->second;
    graph_.mutable_nodes(index)->Swap(&node);
    if (!Step(index, node)) Full();
    return absl::OkStatus();
  }

  const v1::Graph& graph() const { return graph_; }
  const v1::Node* Find(std::string_view id) const {
    const auto it = names_.nodes.find(id);
    return it != names_.nodes.end() ? &graph_.nodes(it->second) : nullptr;
  }
  bool ok() const { return findings_.errors() == 0; }
  const std::vector<v1::NodeTypes>& nodes() const { return nodes_; }
  const std::vector<int>& changed() const { return changed_; }
  size_t retyped() const { return retyped_; }
  std::vector<v1::Diagnostic> Diagnostics() const { return findings_.All(); }

 private:
  // ---- Everything ----

  void Full() {
    passed_ = Passed();
    CompileOptions options;
    options.lint = false;
    options.most_fixes = 0;
    CompileResult result = CompileKeeping(graph_, options, &passed_);
    keep_alive_ = std::move(result.keep_alive);
    module_ = ir::Module();
    module_.values = std::move(passed_.values);
    first_values_ = module_.values.size();
    instances_ = result.instances.size();
    retyped_ = static_cast<size_t>(graph_.nodes_size());
    Take(result.nodes);
    const bool unique = Name();
    const bool plain = Sort(std::move(result.diagnostics));
    follows_ = passed_.complete && unique && plain;
    if (follows_) Prepare();
  }

  void Take(const NodeTypesList& nodes) {
    changed_.clear();
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (i >= nodes_.size() || nodes_[i].SerializeAsString() != nodes[i].SerializeAsString())
        changed_.push_back(static_cast<int>(i));
    }
    nodes_.assign(nodes.begin(), nodes.end());
  }

  // False where a name stands twice.
  bool Name() {
    ids_.clear();
    ids_.reserve(static_cast<size_t>(graph_.nodes_size() + graph_.inputs_size()));
    names_ = NameTable();
    names_.nodes.reserve(static_cast<size_t>(graph_.nodes_size()));
    for (int i = 0; i < graph_.inputs_size(); ++i)
      names_.inputs.emplace(ids_.emplace_back(graph_.inputs(i).name()), i);
    bool unique = true;
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      unique &= names_.nodes.emplace(ids_.emplace_back(graph_.nodes(i).id()), i).second;
      unique &= !names_.inputs.contains(graph_.nodes(i).id());
    }
    return unique;
  }

  // Files what a whole compilation found; false where its findings are of a kind that other nodes
  // depend on.
  bool Sort(std::vector<v1::Diagnostic> diagnostics) {
    findings_ = FindingStore();
    std::map<std::pair<int, Pass>, FindingStore::Found> of_nodes;
    std::map<Part, FindingStore::Found> of_graph;
    std::vector<std::pair<int, v1::Diagnostic>> unused;
    bool plain = true;
    for (size_t i = 0; i < diagnostics.size(); ++i) {
      v1::Diagnostic& d = diagnostics[i];
      const bool normalise = i < passed_.normalise_findings;
      plain &= d.code() != "BAD_ID" && d.code() != "INTERNAL";
      const auto node = names_.nodes.find(d.node());
      if (d.node().empty() || node == names_.nodes.end()) {
        const bool output = StartsWith(d.path(), "outputs");
        const Part part = normalise ? output && d.code() != "DUPLICATE_ID" && d.path() != "outputs"
                                          ? Part::kOutputArguments
                                          : Part::kBounds
                          : output  ? Part::kOutputValues
                                    : Part::kInputTypes;
        of_graph[part].push_back(std::move(d));
      } else if (d.code() == "UNUSED_NODE") {
        unused.emplace_back(node->second, std::move(d));
      } else {
        const Pass pass = normalise ? d.code() == "CYCLE" ? Pass::kCycle : Pass::kNormalise
                          : i < passed_.node_findings ? Pass::kType
                                                      : Pass::kOutputs;
        of_nodes[{node->second, pass}].push_back(std::move(d));
      }
    }
    for (auto& [at, found] : of_nodes) findings_.Put(at.first, at.second, std::move(found));
    for (auto& [part, found] : of_graph) findings_.Put(part, std::move(found));
    findings_.PutUnused(std::move(unused));
    return plain;
  }

  // All that following single changes needs.
  void Prepare() {
    scope_.emplace(graph_);
    args_ = NormaliseArgs();
    for (const v1::GraphInput& input : graph_.inputs()) args_.inputs.push_back(input.name());
    for (const v1::Node& node : graph_.nodes()) args_.nodes.push_back(&node);
    for (const v1::GraphOutput& output : graph_.outputs()) args_.outputs.push_back(&output);
    args_.scope = &*scope_;
    args_.composites = passed_.composites;
    args_.budget = &passed_.expandable;
    identifiers_.clear();
    wiring_.emplace(graph_, names_);
    cyclic_.clear();
    inactive_ = 0;
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      if (At(i).in_cycle) cyclic_.push_back(i);
      if (!IsActive(At(i))) ++inactive_;
      ReadWeight(i);
    }
    Number();
  }

  void Number() {
    place_.resize(passed_.normal.nodes.size());
    for (size_t i = 0; i < passed_.normal.order.size(); ++i)
      place_[static_cast<size_t>(passed_.normal.order[i])] = static_cast<int>(i);
  }

  // ---- One node ----

  NormalNode& At(int index) { return passed_.normal.nodes[static_cast<size_t>(index)]; }
  int PlaceOf(int index) const { return place_[static_cast<size_t>(index)]; }

  // All bounds over the whole graph are far.
  bool Free() const {
    return findings_.errors() <= kMostErrors && findings_.size() <= kMostFindings &&
           (inactive_ == 0 || findings_.size() <= kMostFindingsWithFixes) &&
           passed_.expandable >= 0 && passed_.kept <= kMostKept && instances_ <= kMostInstances;
  }

  // False where only a whole compilation tells; the state is of no use then.
  bool Step(int index, const v1::Node& before) {
    retyped_ = 0;
    changed_.clear();
    const bool grown = module_.values.size() > 2 * first_values_ + kMostOldValues;
    if (!follows_ || grown || passed_.expandable < kLeastExpandable || !Free()) return false;
    const v1::Node& after = graph_.nodes(index);
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

  struct Changes {
    std::vector<int> other_ports;  // nodes that may have other ports than before
    bool other_sources = false;    // a node reads others than before
  };

  // The first pass over some nodes.
  void Normalise(const std::vector<int>& nodes, bool outputs, Changes* changes) {
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
      if (identifiers_.empty()) {
        identifiers_ = MangleIds(absl::MakeConstSpan(ids_).subspan(args_.inputs.size()));
      }
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

  void ReadWeight(int index) {
    const NormalNode& node = At(index);
    const bool reads = node.def != nullptr && node.def->reads_weight && !node.broken &&
                       node.inputs[0][0].kind == Arg::Kind::kNode;
    wiring_->SetWeightRead(index, reads ? node.inputs[0][0].index : -1);
  }

  // Brings the nodes into order again, where the order may be another. What is typed differently
  // for that comes to `nodes`.
  void Order(bool other_sources, std::vector<int>* nodes) {
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
    for (v1::Diagnostic& d : report.Take())
      found[names_.nodes.at(d.node())].push_back(std::move(d));
    cyclic_.clear();
    for (auto& [node, all] : found) {
      cyclic_.push_back(node);
      findings_.Put(node, Pass::kCycle, std::move(all));
    }
    Merge(cyclic_, nodes);
  }

  // The second pass over some nodes, and over those behind them as far as types change.
  bool Retype(const std::vector<int>& nodes, bool outputs) {
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
      std::vector<v1::Diagnostic> found = report.Take();
      for (const v1::Diagnostic& d : found) {
        if (d.code() == "LIMIT" || d.code() == "INTERNAL" || d.node() != At(index).id) return false;
      }
      findings_.Put(index, Pass::kType, std::move(found));
      const Tree& after = passed_.results[static_cast<size_t>(index)];
      const bool same = Same(before, after);
      v1::NodeTypes& types = nodes_[static_cast<size_t>(index)];
      if (!same || types.type() != At(index).type) {
        v1::NodeTypes now;
        TypesOf(At(index), after, module_, &now);
        if (now.SerializeAsString() != types.SerializeAsString()) changed_.push_back(index);
        types = std::move(now);
      }
      if (same) continue;
      outputs |= wiring_->InOutput(index);
      for (const int reader : wiring_->Readers(index)) work.emplace(PlaceOf(reader), reader);
    }
    return !outputs || Outputs();
  }

  bool Outputs() {
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

  // Whether a reader of the value would find no difference. Trees are at most 64 levels deep.
  bool Same(const Tree& a, const Tree& b) const {
    if (a.kind != b.kind || a.items.size() != b.items.size() || a.names != b.names) return false;
    // A withheld value stands for its node, which messages show.
    if (a.kind == Tree::Kind::kLiteral || a.kind == Tree::Kind::kWithheld) return false;
    if (a.IsTensor() && module_.type(a.value) != module_.type(b.value)) return false;
    for (size_t i = 0; i < a.items.size(); ++i) {
      if (!Same(a.items[i], b.items[i])) return false;
    }
    return true;
  }

  void WarnUnused() {
    std::vector<std::pair<int, v1::Diagnostic>> unused;
    if (findings_.normal()) {
      Report report;
      compiler::WarnUnused(passed_.normal, report);
      for (v1::Diagnostic& d : report.Take())
        unused.emplace_back(names_.nodes.at(d.node()), std::move(d));
    }
    findings_.PutUnused(std::move(unused));
  }

  v1::Graph graph_;
  std::vector<std::string> ids_;  // of the inputs, then of the nodes; never another
  NameTable names_;
  std::shared_ptr<const void> keep_alive_;
  Passed passed_;
  ir::Module module_;  // values alone; those of former changes stay until all is compiled again
  size_t first_values_ = 0, instances_ = 0;

  std::vector<v1::NodeTypes> nodes_;
  FindingStore findings_;
  std::vector<int> changed_;
  size_t retyped_ = 0;

  bool follows_ = false;  // changes of one node can be followed: all below is there
  std::optional<GraphScope> scope_;
  NormaliseArgs args_;
  std::vector<std::string> identifiers_;  // made when they are needed
  std::optional<Wiring> wiring_;
  std::vector<int> cyclic_;  // nodes that a reference was cut off from, rising
  std::vector<int> place_;   // in the order, by node
  int inactive_ = 0;         // nodes that are bypassed or muted
};

IncrementalCompiler::IncrementalCompiler(v1::Graph graph) : state_(std::make_unique<State>()) {
  state_->Reset(std::move(graph));
}
IncrementalCompiler::~IncrementalCompiler() = default;
void IncrementalCompiler::Reset(v1::Graph graph) { state_->Reset(std::move(graph)); }
absl::Status IncrementalCompiler::Replace(v1::Node node) {
  return state_->Replace(std::move(node));
}
const v1::Graph& IncrementalCompiler::graph() const { return state_->graph(); }
const v1::Node* IncrementalCompiler::Find(std::string_view id) const { return state_->Find(id); }
bool IncrementalCompiler::ok() const { return state_->ok(); }
std::vector<v1::Diagnostic> IncrementalCompiler::Diagnostics() const {
  return state_->Diagnostics();
}
const std::vector<v1::NodeTypes>& IncrementalCompiler::nodes() const { return state_->nodes(); }
const std::vector<int>& IncrementalCompiler::changed() const { return state_->changed(); }
size_t IncrementalCompiler::retyped() const { return state_->retyped(); }

}  // namespace graphkiln::compiler
