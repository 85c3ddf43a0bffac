#include "common/compiler/incremental.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/graph_scope.h"
#include "common/compiler/normalise.h"
#include "common/compiler/order.h"
#include "common/compiler/passes.h"
#include "common/compiler/report.h"
#include "common/compiler/type_pass.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Beyond these, a graph is compiled as a whole: findings, since their number is bounded; sources of
// one node; values kept of former changes; instances, of which a graph may have 200,000.
constexpr size_t kMostFindings = 500;
constexpr int kMostErrors = 50;  // from 100 on the compiler makes no suggestions
constexpr size_t kMostSources = 1'000;
constexpr size_t kMostInstances = 100'000;
constexpr int64_t kLeastExpandable = 200'000;

// Calls `visit(Arg&)` for every node that an argument names.
template <class A, class F>
void VisitRefs(A& arg, F&& visit) {
  if (arg.kind == Arg::Kind::kNode) visit(arg);
  for (auto& item : arg.items) VisitRefs(item, visit);  // the normaliser bounds the depth
}

template <class F>
void VisitRefs(NormalNode& node, F&& visit) {
  for (std::vector<Arg>& port : node.inputs) {
    for (Arg& arg : port) VisitRefs(arg, visit);
  }
}

std::vector<int> SourcesOf(NormalNode& node) {
  std::vector<int> sources;
  VisitRefs(node, [&](const Arg& ref) { sources.push_back(ref.index); });
  return sources;
}

// Names of nodes in an argument as the user wrote it; false where it nests too deeply.
bool Named(const v1::Argument& argument, std::vector<std::string_view>* names) {
  std::vector<std::pair<const v1::Argument*, int>> stack = {{&argument, 0}};
  while (!stack.empty()) {
    const auto [at, depth] = stack.back();
    stack.pop_back();
    if (depth > 64) return false;
    if (at->has_reference()) names->push_back(at->reference().node());
    for (const v1::Argument& item : at->list().items()) stack.emplace_back(&item, depth + 1);
    for (const v1::ArgumentEntry& entry : at->map().entries())
      stack.emplace_back(&entry.value(), depth + 1);
  }
  return true;
}

int CountErrors(const std::vector<v1::Diagnostic>& findings) {
  return static_cast<int>(
      std::count_if(findings.begin(), findings.end(),
                    [](const v1::Diagnostic& d) { return d.severity() == v1::SEVERITY_ERROR; }));
}

}  // namespace

class IncrementalCompiler::State {
 public:
  void Reset(v1::Graph graph) {
    graph_ = std::move(graph);
    Full();
  }

  absl::Status Replace(v1::Node node) {
    const auto it = index_.find(node.id());
    if (it == index_.end())
      return absl::NotFoundError(fmt::format("there is no node {}", QuoteForMessage(node.id())));
    const int index = it->second;
    graph_.mutable_nodes(index)->Swap(&node);
    if (!Step(index, node)) Full();
    return absl::OkStatus();
  }

  const v1::Graph& graph() const { return graph_; }
  const v1::Node* Find(std::string_view id) const {
    const auto it = index_.find(id);
    return it != index_.end() ? &graph_.nodes(it->second) : nullptr;
  }
  bool ok() const { return errors_ == 0; }
  const std::vector<v1::NodeTypes>& nodes() const { return nodes_; }
  size_t retyped() const { return retyped_; }

  std::vector<v1::Diagnostic> Diagnostics() const {
    std::vector<v1::Diagnostic> all = general_;
    auto unused = unused_.begin();
    const auto add_unused = [&](int until) {
      for (; unused != unused_.end() && unused->first <= until; ++unused)
        all.push_back(unused->second);
    };
    for (const auto& [index, findings] : findings_) {
      add_unused(index - 1);
      all.insert(all.end(), findings.normalise.begin(), findings.normalise.end());
      add_unused(index);
      all.insert(all.end(), findings.type.begin(), findings.type.end());
    }
    add_unused(graph_.nodes_size());
    return all;
  }

 private:
  // Of one node, by pass.
  struct Findings {
    std::vector<v1::Diagnostic> normalise, type;
  };

  // ---- Everything ----

  void Full() {
    passed_ = Passed();
    CompileOptions options;
    options.lint = false;
    options.most_fixes = 0;
    CompileResult result = CompileKeeping(graph_, options, &passed_);
    keep_alive_ = std::move(result.keep_alive);
    nodes_ = std::move(result.nodes);
    scope_.emplace(graph_);
    module_ = ir::Module();
    module_.values = std::move(passed_.values);
    first_values_ = module_.values.size();
    instances_ = result.instances.size();
    retyped_ = static_cast<size_t>(graph_.nodes_size());
    errors_ = CountErrors(result.diagnostics);
    index_.clear();
    bool plain = passed_.complete;
    for (int i = 0; i < graph_.nodes_size(); ++i)
      plain = index_.emplace(graph_.nodes(i).id(), i).second && plain;
    Sort(std::move(result.diagnostics));
    plain = plain && CountErrors(general_) == 0 && findings_.size() <= kMostFindings;
    for (const auto& [index, findings] : findings_) {
      for (const v1::Diagnostic& d : findings.normalise)
        plain = plain && d.code() != "CYCLE" && d.code() != "BAD_ID" && d.code() != "DUPLICATE_ID";
    }
    steps_ = plain;
    clean_ = NormalErrors() == 0;
    if (plain) Connect();
  }

  void Sort(std::vector<v1::Diagnostic> diagnostics) {
    general_.clear();
    findings_.clear();
    unused_.clear();
    for (size_t i = 0; i < diagnostics.size(); ++i) {
      v1::Diagnostic& d = diagnostics[i];
      const auto it = index_.find(d.node());
      if (d.node().empty() || it == index_.end()) {
        general_.push_back(std::move(d));
      } else if (d.code() == "UNUSED_NODE") {
        unused_.emplace_back(it->second, std::move(d));
      } else if (i < passed_.normalise_findings) {
        findings_[it->second].normalise.push_back(std::move(d));
      } else {
        findings_[it->second].type.push_back(std::move(d));
      }
    }
    std::stable_sort(unused_.begin(), unused_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }

  // Who reads whom, and where each node stands in the order.
  void Connect() {
    const size_t count = passed_.normal.nodes.size();
    consumers_.assign(count, {});
    for (size_t i = 0; i < count; ++i) {
      for (const int source : SourcesOf(passed_.normal.nodes[i]))
        consumers_[static_cast<size_t>(source)].push_back(static_cast<int>(i));
    }
    is_output_.assign(count, false);
    for (auto& [name, arg] : passed_.normal.outputs)
      VisitRefs(arg, [&](const Arg& ref) { is_output_[static_cast<size_t>(ref.index)] = true; });
    Number();
  }

  void Number() {
    place_.resize(passed_.normal.nodes.size());
    for (size_t i = 0; i < passed_.normal.order.size(); ++i)
      place_[static_cast<size_t>(passed_.normal.order[i])] = static_cast<int>(i);
  }

  // ---- One node ----

  NormalNode& At(int index) { return passed_.normal.nodes[static_cast<size_t>(index)]; }

  // False where only a whole compilation tells; the state is of no use then.
  bool Step(int index, const v1::Node& before) {
    retyped_ = 0;
    const bool grown = module_.values.size() > 2 * first_values_ + 100'000;
    if (!steps_ || grown || errors_ > kMostErrors || passed_.expandable < kLeastExpandable)
      return false;
    const bool was_clean = clean_;
    const nodes::NodeDef* const def = At(index).def;
    const v1::Composite* const composite = At(index).composite;
    const bool container = At(index).own != nullptr;
    const std::vector<int> old_sources = SourcesOf(At(index));
    if (!Normalise(index)) return false;
    const NormalNode& node = At(index);
    // A container is made anew each time.
    const bool retype =
        node.def != def || node.composite != composite || container || node.own != nullptr;
    const std::vector<int> sources = SourcesOf(At(index));
    if (sources != old_sources && !Reconnect(index, old_sources, sources)) return false;

    std::set<std::pair<int, int>> work = {{PlaceOf(index), index}};
    if (retype) {
      // Names of ports mean something else now.
      if (is_output_[static_cast<size_t>(index)]) return false;
      // Whoever names a port that is not there reads nobody, and is no consumer.
      for (const auto& [reader, findings] : findings_) {
        for (const v1::Diagnostic& d : findings.normalise) {
          if (d.code() == "UNKNOWN_PORT") return false;
        }
      }
      const std::vector<int> consumers = consumers_[static_cast<size_t>(index)];
      for (const int consumer : consumers) {
        const std::vector<int> read = SourcesOf(At(consumer));
        if (!Normalise(consumer)) return false;
        const std::vector<int> reads = SourcesOf(At(consumer));
        if (reads != read && !Reconnect(consumer, read, reads)) return false;
        work.emplace(PlaceOf(consumer), consumer);
      }
    }
    if (!Retype(&work)) return false;
    if (retype || sources != old_sources || before.mode() != graph_.nodes(index).mode() ||
        clean_ != was_clean) {
      WarnUnused();
    }
    return errors_ <= kMostErrors && findings_.size() <= kMostFindings;
  }

  int PlaceOf(int index) const { return place_[static_cast<size_t>(index)]; }

  // The first pass over one node, among those that it names.
  bool Normalise(int index) {
    const v1::Node& source = graph_.nodes(index);
    const NormalNode& old = At(index);
    if (!source.module().empty() || old.module >= 0 || old.is_owner) return false;
    std::vector<std::string_view> names;
    for (const v1::NodeInput& input : source.inputs()) {
      if (!Named(input.value(), &names)) return false;
    }
    std::vector<int> members = {index};
    for (const std::string_view name : names) {
      const auto it = index_.find(name);
      if (it != index_.end() &&
          std::find(members.begin(), members.end(), it->second) == members.end()) {
        members.push_back(it->second);
      }
      if (members.size() > kMostSources) return false;
      // A container that shares another's weights is what that one is.
      if (it != index_.end() && At(it->second).own != nullptr && At(it->second).module >= 0)
        return false;
    }
    NormaliseArgs args;
    args.inputs = passed_.normal.inputs;
    for (const int member : members) args.nodes.push_back(&graph_.nodes(member));
    args.scope = &*scope_;
    args.composites = passed_.composites;
    args.budget = &passed_.expandable;
    Report report;
    NormalGraph some = compiler::Normalise(args, report);
    NormalNode node = std::move(some.nodes[0]);
    // The members' own sources are not there, and their findings are known.
    std::vector<v1::Diagnostic> found;
    for (v1::Diagnostic& d : report.Take()) {
      if (d.node() != source.id() || d.code() == "UNUSED_NODE") continue;
      // The nearest name, and where a circle is cut, depend on the whole graph.
      if (d.code() == "UNKNOWN_REFERENCE" || d.code() == "CYCLE" || d.code() == "LIMIT")
        return false;
      found.push_back(std::move(d));
    }
    VisitRefs(node, [&](Arg& ref) { ref.index = members[static_cast<size_t>(ref.index)]; });
    node.identifier = old.identifier;
    At(index) = std::move(node);
    Put(index, &Findings::normalise, std::move(found));
    clean_ = NormalErrors() == 0;
    return true;
  }

  int NormalErrors() const {
    int errors = 0;
    for (const auto& [index, findings] : findings_) errors += CountErrors(findings.normalise);
    return errors;
  }

  void Put(int index, std::vector<v1::Diagnostic> Findings::* pass,
           std::vector<v1::Diagnostic> found) {
    const auto it = findings_.find(index);
    if (it == findings_.end() && found.empty()) return;
    Findings& all = it != findings_.end() ? it->second : findings_[index];
    errors_ += CountErrors(found) - CountErrors(all.*pass);
    all.*pass = std::move(found);
    if (all.normalise.empty() && all.type.empty()) findings_.erase(index);
  }

  // Other sources than before: the order may be another, or there is none any more.
  bool Reconnect(int index, const std::vector<int>& before, const std::vector<int>& after) {
    for (const int source : before) {
      std::vector<int>& readers = consumers_[static_cast<size_t>(source)];
      readers.erase(std::find(readers.begin(), readers.end(), index));
    }
    bool ordered = true;
    for (const int source : after) {
      consumers_[static_cast<size_t>(source)].push_back(index);
      ordered = ordered && PlaceOf(source) < PlaceOf(index);
    }
    if (ordered) return true;
    Report report;
    passed_.normal.order.clear();
    OrderNodes({}, passed_.normal, report);
    if (report.errors() > 0) return false;
    Number();
    return true;
  }

  bool Retype(std::set<std::pair<int, int>>* work) {
    while (!work->empty()) {
      const int index = work->begin()->second;
      work->erase(work->begin());
      // Reaching most of the graph, a whole compilation is as fast.
      if (++retyped_ > nodes_.size() / 2 + 64) return false;
      const NormalNode& node = At(index);
      if (node.module >= 0 || node.is_owner || !IsActive(node) ||
          (node.def != nullptr && node.def->reads_weight)) {
        return false;  // these change what other nodes are
      }
      const Tree before = std::move(passed_.results[static_cast<size_t>(index)]);
      Report report;
      instances_ += TypeNode(passed_.normal, index, passed_.inputs, *passed_.composites,
                             &passed_.results, &module_, report, &passed_.expandable);
      if (instances_ > kMostInstances) return false;
      std::vector<v1::Diagnostic> found = report.Take();
      for (const v1::Diagnostic& d : found) {
        if (d.code() == "LIMIT" || d.code() == "INTERNAL" || d.node() != node.id) return false;
      }
      Put(index, &Findings::type, std::move(found));
      const Tree& after = passed_.results[static_cast<size_t>(index)];
      nodes_[static_cast<size_t>(index)] = TypesOf(node, after, module_);
      if (Same(before, after)) continue;
      if (is_output_[static_cast<size_t>(index)] && !OutputStands(after)) return false;
      for (const int consumer : consumers_[static_cast<size_t>(index)])
        work->emplace(PlaceOf(consumer), consumer);
    }
    return true;
  }

  // Outputs are checked as a whole, for tensors in them and for their number.
  static bool OutputStands(const Tree& tree) {
    return tree.IsTensor() || tree.kind == Tree::Kind::kUnknown;
  }

  bool Same(const Tree& a, const Tree& b) const {
    if (a.kind != b.kind || a.items.size() != b.items.size() || a.names != b.names) return false;
    if (a.kind == Tree::Kind::kLiteral) return false;
    if (a.IsTensor() && module_.type(a.value) != module_.type(b.value)) return false;
    for (size_t i = 0; i < a.items.size(); ++i) {
      if (!Same(a.items[i], b.items[i])) return false;  // trees are at most 64 levels deep
    }
    return true;
  }

  void WarnUnused() {
    unused_.clear();
    if (!clean_) return;
    Report report;
    compiler::WarnUnused(passed_.normal, report);
    for (v1::Diagnostic& d : report.Take())
      unused_.emplace_back(index_.find(d.node())->second, std::move(d));
  }

  v1::Graph graph_;
  StringMap<int> index_;  // of nodes, by id
  std::shared_ptr<const void> keep_alive_;
  std::optional<GraphScope> scope_;
  Passed passed_;
  ir::Module module_;  // values alone; those of former changes stay until all is compiled again
  size_t first_values_ = 0, instances_ = 0;

  std::vector<v1::NodeTypes> nodes_;
  std::vector<v1::Diagnostic> general_;
  std::map<int, Findings> findings_;
  std::vector<std::pair<int, v1::Diagnostic>> unused_;  // by rising node
  int errors_ = 0;
  size_t retyped_ = 0;

  bool steps_ = false;  // changes of one node can be followed
  bool clean_ = true;   // no errors of the first pass: unused nodes are warned of then
  std::vector<std::vector<int>> consumers_;  // by node; once for each reading
  std::vector<bool> is_output_;              // an output of the graph reads the node
  std::vector<int> place_;                   // in the order, by node
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
size_t IncrementalCompiler::retyped() const { return state_->retyped(); }

}  // namespace graphkiln::compiler
