// Types of the graph's inputs: what is written but illegal is read as it was probably meant; what
// is not written is guessed from the nodes that read it. Guesses are tried like all others.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "common/base/strings.h"
#include "common/compiler/fixes/generators.h"
#include "common/graph/references.h"
#include "common/nodes/example.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::compiler {
namespace {

constexpr int kMostNames = 2000;
constexpr size_t kMostInputs = 4;   // that one fix declares
constexpr size_t kMostVisited = 8;  // nodes that are asked what they take
constexpr size_t kMostGuesses = 32;
constexpr int kMostRank = 8;

struct Guess {
  FixRank rank;
  v1::TensorSpec spec;
};

void AddSize(v1::TensorSpec& spec, int64_t size) { spec.add_shape()->set_size(size); }
void AddSymbol(v1::TensorSpec& spec, const std::string& name) {
  spec.add_shape()->set_symbol(name);
}

// The usual name of an open size.
std::string SymbolOf(int d, int rank) {
  if (d == 0) return "B";
  if (rank > 5) return fmt::format("D{}", d);
  if (rank >= 4) return std::string(1, "CDHW"[d == 1 ? 0 : 4 - (rank - d)]);
  return rank == 3 && d == 1 ? "T" : "N";
}

// What the writer of an illegal shape may have meant.
std::vector<Guess> Readings(const v1::TensorSpec& given) {
  if (given.shape_size() > kMostRank) return {};
  const int rank = given.shape_size();
  v1::TensorSpec open, closed;
  for (v1::TensorSpec* spec : {&open, &closed}) {
    spec->set_dtype(ir::DTypeName(given.dtype()) == "unknown" ? v1::DATA_TYPE_FLOAT32
                                                              : given.dtype());
  }
  for (int d = 0; d < rank; ++d) {
    const v1::Dim& dim = given.shape(d);
    if (dim.kind_case() == v1::Dim::kSize && dim.size() >= 0) {
      AddSize(open, dim.size());
      AddSize(closed, dim.size());
    } else if (dim.kind_case() == v1::Dim::kSize) {
      // -1 is an open size in most formats; other negative numbers are slips.
      if (dim.size() == -1) {
        AddSymbol(open, SymbolOf(d, rank));
      } else {
        AddSize(open, std::max(dim.size(), -INT64_MAX) * -1);
      }
      AddSize(closed, std::max(dim.size(), -INT64_MAX) * -1);
    } else if (dim.kind_case() == v1::Dim::kSymbol && ir::Dim::Parse(dim.symbol()).ok()) {
      AddSymbol(open, dim.symbol());
      AddSymbol(closed, dim.symbol());
    } else {
      const std::string text = dim.symbol().substr(0, 100);
      std::string name;
      for (const char c : text) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      const bool usable = !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) &&
                          ToLowerAscii(name) != "none";
      AddSymbol(open, usable ? name : SymbolOf(d, rank));
      int64_t number = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
      if (read.ec == std::errc() && number >= 0) {
        AddSize(closed, number);
      } else {
        AddSymbol(closed, usable ? name : SymbolOf(d, rank));
      }
    }
  }
  // A number that was written counts more than a name that was not.
  const bool number = open.shape_size() > 0 &&
                      std::any_of(given.shape().begin(), given.shape().end(), [](const v1::Dim& d) {
                        return d.kind_case() == v1::Dim::kSymbol && !d.symbol().empty() &&
                               std::isdigit(static_cast<unsigned char>(d.symbol()[0]));
                      });
  if (number) std::swap(open, closed);
  return {{kExact, open}, {kNatural, closed}};
}

// What a port takes, by the type's own example and by the sizes that the node's text names.
void FromPort(const GraphView& view, int index, int port, std::vector<Guess>& out) {
  const v1::Node& node = view.node(index);
  const nodes::NodeDef* def = nodes::FindNode(node.type());
  if (def == nullptr || static_cast<size_t>(port) >= def->inputs.size()) return;
  size_t at = static_cast<size_t>(port);
  if (at >= def->example.inputs.size()) return;
  const auto example = nodes::ParseType(def->example.inputs[at]);
  if (!example.ok() || example->rank() > kMostRank) return;
  const int rank = example->rank();
  enum class Kind { kOpen, kNeeded, kKnown };
  struct Size {
    Kind kind = Kind::kOpen;
    int64_t size = 1;
  };
  std::vector<Size> sizes(static_cast<size_t>(rank));
  for (int d = 0; d < rank; ++d) {
    if (example->dim(d).IsConst()) sizes[static_cast<size_t>(d)].size = example->dim(d).value();
  }
  bool missing = false;
  for (const nodes::ParamSpec& spec : def->params) {
    if (!spec.inferred || spec.inferred_port != def->inputs[at].name) continue;
    const int d = spec.inferred_dim < 0 ? spec.inferred_dim + rank : spec.inferred_dim;
    if (d < 0 || d >= rank) continue;
    Size& size = sizes[static_cast<size_t>(d)];
    const auto given = node.params().find(spec.name);
    if (given != node.params().end() && given->second.kind_case() == v1::Value::kIntValue &&
        given->second.int_value() > 0) {
      size = {Kind::kKnown, given->second.int_value()};
    } else if (size.kind != Kind::kKnown) {
      size.kind = Kind::kNeeded;
      missing = true;
    }
  }
  // `space` 0: sizes that nothing names stay open.
  const auto add = [&](FixRank most, int64_t space) {
    v1::TensorSpec spec;
    spec.set_dtype(example->dtype);
    for (int d = 0; d < rank; ++d) {
      const Size& size = sizes[static_cast<size_t>(d)];
      if (size.kind != Kind::kOpen) {
        AddSize(spec, size.size);
      } else if (d == 0 || space == 0) {
        AddSymbol(spec, SymbolOf(d, rank));
      } else {
        AddSize(spec, space);
      }
    }
    out.push_back({missing ? std::max(most, kPossible) : most, std::move(spec)});
  };
  add(kNatural, 0);
  if (rank < 2) return;
  for (const int64_t space : {28, 32, 64, 224, 8, 16}) add(kPossible, space);
}

// Types that the readers of `name`, and those behind them, could take; nearest first.
std::vector<Guess> GuessesFor(const GraphView& view, const std::string& name) {
  std::vector<Guess> out;
  std::vector<std::pair<int, std::string>> open;  // a node and what arrives there
  std::set<int> seen;
  for (const int reader : view.Readers(name)) {
    if (open.size() < kMostVisited && seen.insert(reader).second) open.emplace_back(reader, name);
  }
  for (size_t i = 0; i < open.size() && i < kMostVisited; ++i) {
    const auto [index, source] = open[i];
    const v1::Node& node = view.node(index);
    const auto ports = InputPorts(view.graph(), node);
    if (!ports) continue;
    for (const Arrival& arrival : Arrivals(*ports, node)) {
      if (!arrival.value->has_reference() || arrival.value->reference().node() != source) continue;
      FromPort(view, index, arrival.port, out);
      break;
    }
    for (const int next : view.Consumers(index)) {
      if (open.size() < kMostVisited && seen.insert(next).second)
        open.emplace_back(next, node.id());
    }
  }
  // Types that read anything.
  for (const int rank : {2, 4}) {
    v1::TensorSpec spec;
    spec.set_dtype(v1::DATA_TYPE_FLOAT32);
    AddSymbol(spec, "B");
    if (rank == 4) AddSize(spec, 3);
    for (int d = spec.shape_size(); d < rank; ++d) AddSize(spec, 32);
    out.push_back({kForced, std::move(spec)});
  }
  std::set<std::string> known;
  std::erase_if(out, [&](const Guess& guess) {
    return !known.insert(guess.spec.SerializeAsString()).second;
  });
  std::stable_sort(out.begin(), out.end(),
                   [](const Guess& a, const Guess& b) { return a.rank < b.rank; });
  if (out.size() > kMostGuesses) out.resize(kMostGuesses);
  return out;
}

std::string Text(const v1::TensorSpec& spec) {
  const auto type = ir::FromProto(spec);
  return type.ok() ? ir::TypeText(*type) : "";
}

void SetType(const std::string& name, const v1::TensorSpec& spec, v1::Fix& fix) {
  v1::GraphInput& input = *fix.add_edits()->mutable_set_input()->mutable_input();
  input.set_name(name);
  *input.mutable_spec() = spec;
}

// Names that nodes read and nothing bears.
std::vector<std::string> Undeclared(const GraphView& view) {
  std::vector<std::string> names, ids;
  if (view.graph().nodes_size() > kMostNames) return names;
  for (const v1::Node& node : view.graph().nodes()) ids.push_back(node.id());
  for (const v1::Node& node : view.graph().nodes()) {
    for (const v1::NodeInput& input : node.inputs()) {
      graph::VisitReferences(input.value(), [&](const v1::Reference& reference) {
        const std::string& name = reference.node();
        if (names.size() > kMostInputs || name.empty() || view.FindNode(name) >= 0) return;
        if (std::find(names.begin(), names.end(), name) != names.end()) return;
        if (!NearestName(name, ids)) names.push_back(name);
      });
    }
  }
  return names.size() > kMostInputs ? std::vector<std::string>() : names;
}

// The first port of the first node that lacks a value.
bool FindEmptyPort(const GraphView& view, int* index, int* port) {
  for (int i = 0; i < std::min(view.graph().nodes_size(), kMostNames); ++i) {
    const auto ports = InputPorts(view.graph(), view.node(i));
    if (!ports) continue;
    std::vector<bool> filled(ports->size(), false);
    for (const Arrival& arrival : Arrivals(*ports, view.node(i)))
      filled[static_cast<size_t>(arrival.port)] = true;
    for (size_t p = 0; p < ports->size(); ++p) {
      if (filled[p] || (*ports)[p].optional) continue;
      *index = i;
      *port = static_cast<int>(p);
      return true;
    }
  }
  return false;
}

void Declare(const Site& site, Proposals& out) {
  const GraphView& view = site.view;
  const std::vector<std::string> names = Undeclared(view);
  if (!names.empty()) {
    std::vector<std::vector<Guess>> guesses;
    size_t most = 0;
    for (const std::string& name : names) {
      guesses.push_back(GuessesFor(view, name));
      most = std::max(most, guesses.back().size());
    }
    for (size_t g = 0; g < most; ++g) {
      std::vector<std::string> texts;
      v1::Fix fix;
      FixRank rank = kNatural;
      for (size_t n = 0; n < names.size(); ++n) {
        const Guess& guess = guesses[n][std::min(g, guesses[n].size() - 1)];
        rank = std::max(rank, guess.rank);
        SetType(names[n], guess.spec, fix);
        texts.push_back(fmt::format("{} {}", QuoteForMessage(names[n]), Text(guess.spec)));
      }
      *out.Add(rank, fmt::format("declare the input {}", fmt::join(texts, " and ")))
           .mutable_edits() = fix.edits();
    }
    return;
  }
  int index = 0, port = 0;
  if (!FindEmptyPort(view, &index, &port)) return;
  std::vector<Guess> guesses;
  FromPort(view, index, port, guesses);
  const std::string name = view.FreshId("x");
  const std::string at =
      (*InputPorts(view.graph(), view.node(index)))[static_cast<size_t>(port)].name;
  for (const Guess& guess : guesses) {
    v1::Fix& fix =
        out.Add(std::max(guess.rank, kPossible),
                fmt::format("declare the input {} {} and connect it to {} of {}", name,
                            Text(guess.spec), at, QuoteForMessage(view.node(index).id())));
    SetType(name, guess.spec, fix);
    v1::Connect& edit = *fix.add_edits()->mutable_connect();
    edit.mutable_source()->set_node(name);
    edit.set_node(view.node(index).id());
    edit.set_port(at);
  }
}

}  // namespace

void FixInputs(const Site& site, Proposals& out) {
  if (site.node != nullptr) return;
  if (site.diagnostic.code() == "NO_INPUTS") return Declare(site, out);
  if (!site.diagnostic.path().starts_with("inputs.")) return;
  const int index = site.view.FindInput(site.diagnostic.path().substr(7));
  if (index < 0) return;
  const v1::GraphInput& input = site.view.graph().inputs(index);
  std::vector<Guess> guesses;
  if (site.diagnostic.code() == "BAD_SHAPE") guesses = Readings(input.spec());
  for (Guess& guess : GuessesFor(site.view, input.name())) {
    if (input.spec().dtype() != v1::DATA_TYPE_UNSPECIFIED && guess.rank == kForced)
      guess.spec.set_dtype(input.spec().dtype());
    guesses.push_back({std::max(guess.rank, kPossible), std::move(guess.spec)});
  }
  for (const Guess& guess : guesses) {
    const std::string text = Text(guess.spec);
    if (text.empty()) continue;
    SetType(input.name(), guess.spec,
            out.Add(guess.rank,
                    fmt::format("make the input {} {}", QuoteForMessage(input.name()), text)));
  }
}

}  // namespace graphkiln::compiler
