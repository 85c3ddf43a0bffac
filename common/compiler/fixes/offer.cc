#include "common/compiler/fixes/offer.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "common/compiler/fixes/rules.h"
#include "common/compiler/fixes/trial.h"
#include "common/graph/equal.h"

namespace graphkiln::compiler {
namespace {

constexpr int kMostTrials = 40;  // for one error
constexpr size_t kEnough = 4;    // fixes that leave nothing; then the search ends
constexpr int kMostOffered = 5;
// A trial copies the graph's own composites and variables.
constexpr size_t kMostCopied = 64 << 10;

bool SameEdits(const v1::Fix& a, const v1::Fix& b) {
  return std::equal(a.edits().begin(), a.edits().end(), b.edits().begin(), b.edits().end(),
                    [](const v1::Edit& x, const v1::Edit& y) { return graph::Equal(x, y); });
}

// What the finder itself suggests: near misses of names, else values that would fit.
FixRank RankOf(const v1::Fix& fix) {
  const bool value = fix.edits_size() == 1 && fix.edits(0).has_set_param();
  return value ? kNatural : kMisspelt;
}

std::vector<Proposal> Gather(const Site& site) {
  std::vector<Proposal> all;
  const auto add = [&](v1::Fix fix, int rank) {
    if (fix.edits_size() == 0) return;
    for (const Proposal& other : all) {
      if (SameEdits(fix, other.fix)) return;
    }
    all.push_back({std::move(fix), rank});
  };
  for (const v1::Fix& fix : site.diagnostic.fixes()) add(fix, RankOf(fix));
  for (const Generator generate : GeneratorsFor(site.diagnostic.code())) {
    // The others look at a node.
    if (site.node == nullptr && generate != &FixOutputs && generate != &FixInputs) continue;
    Proposals proposals(site);
    generate(site, proposals);
    for (Proposal& proposal : proposals.Take()) add(std::move(proposal.fix), proposal.rank);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Proposal& a, const Proposal& b) { return a.rank < b.rank; });
  return all;
}

void Offer(const GraphView& view, Trials& trials, v1::Diagnostic& diagnostic) {
  const Site site(view, diagnostic);
  struct Good {
    int left, rank;
    v1::Fix fix;
  };
  std::vector<Good> good;
  size_t perfect = 0;
  int tries = 0;
  for (Proposal& proposal : Gather(site)) {
    // Once something fits, what is merely forced is not looked for any more.
    if (tries++ >= kMostTrials || perfect >= kEnough) break;
    if (perfect > 0 && proposal.rank == kForced) break;
    const auto left = trials.Try(site, proposal.fix);
    if (!left) continue;
    if (*left == 0) ++perfect;
    good.push_back({*left, proposal.rank, std::move(proposal.fix)});
  }
  if (good.empty()) return;
  std::stable_sort(good.begin(), good.end(), [](const Good& a, const Good& b) {
    const auto key = [](const Good& g) {
      return std::tuple(g.rank == kMisspelt ? 0 : 1, g.left, g.rank);
    };
    return key(a) < key(b);
  });
  google::protobuf::RepeatedPtrField<v1::Fix> fixes;
  for (Good& g : good) {
    if (fixes.size() < kMostOffered) *fixes.Add() = std::move(g.fix);
  }
  diagnostic.mutable_fixes()->Swap(&fixes);
}

}  // namespace

void OfferFixes(const v1::Graph& graph, const NodeTypesList& types, int most,
                std::vector<v1::Diagnostic>* diagnostics) {
  size_t copied = 0;
  for (const v1::Composite& composite : graph.composites()) copied += composite.ByteSizeLong();
  for (const auto& [name, value] : graph.variables()) copied += name.size() + value.ByteSizeLong();
  if (copied > kMostCopied) return;
  const GraphView view(graph, types);
  Trials trials(view, *diagnostics);
  int offered = 0;
  for (v1::Diagnostic& diagnostic : *diagnostics) {
    if (offered >= most || trials.exhausted()) return;
    if (diagnostic.severity() != v1::SEVERITY_ERROR) continue;
    ++offered;
    Offer(view, trials, diagnostic);
  }
}

}  // namespace graphkiln::compiler
