#include "common/graph/canonical.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/graph/text.h"

namespace graphkiln::graph {
namespace {

v1::Graph Read(std::string_view text) {
  std::vector<v1::Diagnostic> diagnostics;
  auto graph = ReadGraph(text, "g", nullptr, &diagnostics);
  EXPECT_TRUE(graph.ok());
  return *graph;
}

TEST(ContentHash, IgnoresWhatCarriesNoMeaning) {
  const std::string a =
      ContentHash(Read("graphkiln: 1\nname: one\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: "
                       "ReLU, in: x, mode: normal}, b: {type: Dropout, in: a, params: {p: 0.5, "
                       "inplace: false}}}\noutputs: {y: b}\nview: {a: {x: 1, y: 2}}\n"));
  const std::string b = ContentHash(
      Read("graphkiln: 1\nname: two\ndoc: text\nlabels: {k: v}\ninputs: {x: {dtype: float32, "
           "shape: [B, 4], doc: d}}\nnodes: {b: {type: Dropout, in: a, params: {inplace: false, p: "
           "0.5}, doc: hi}, a: {type: ReLU, in: x}}\noutputs: {y: b}\n"));
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.size(), 64u);
}

TEST(ContentHash, SeesEverythingElse) {
  const std::string base =
      "graphkiln: 1\nvariables: {w: 2}\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: Linear, "
      "in: x, params: {out_features: 3}}}\noutputs: {y: a}\n";
  const std::string hash = ContentHash(Read(base));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"out_features: 3", "out_features: 4"},
           {"{w: 2}", "{w: 3}"},
           {"[B, 4]", "[C, 4]"},
           {"{y: a}", "{z: a}"},
           {"type: Linear", "type: Lin"},
           {"in: x", "mode: muted, in: x"},
           {"shape: [B, 4]", "dtype: float64, shape: [B, 4]"}}) {
    std::string changed = base;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_NE(ContentHash(Read(changed)), hash) << to;
  }
}

TEST(ContentHash, TellsNumbersApartThatJsonLacks) {
  std::set<std::string> hashes;
  for (const char* value :
       {"null", ".inf", "-.inf", ".nan", "0", "0.0", "'0'", "'$$+inf'", "$inf"}) {
    hashes.insert(ContentHash(
        Read(std::string("graphkiln: 1\nnodes: {a: {type: X, params: {p: ") + value + "}}}\n")));
  }
  EXPECT_EQ(hashes.size(), 9u);
}

TEST(ContentHash, NamedPortsComeInAnyOrderPlacesDoNot) {
  const auto hash = [](const std::string& in) {
    return ContentHash(Read(
        "graphkiln: 1\ninputs: {x: {shape: []}, h: {shape: []}}\nnodes: {a: {type: GRU, in: " + in +
        "}}\n"));
  };
  EXPECT_EQ(hash("{input: x, hx: h}"), hash("{hx: h, input: x}"));
  EXPECT_NE(hash("[x, h]"), hash("[h, x]"));
}

TEST(Canonical, IsIdempotentAndKeepsTheOrderOfInputsAndOutputs) {
  const v1::Graph once =
      Canonical(Read("graphkiln: 1\nname: n\ninputs: {z: {shape: []}, a: {shape: []}}\nnodes: {q: "
                     "{type: A, in: z}, b: {type: A, in: a}}\noutputs: {y: q, x: b}\n"));
  EXPECT_EQ(Canonical(once).SerializeAsString(), once.SerializeAsString());
  EXPECT_EQ(once.nodes(0).id(), "b");
  EXPECT_EQ(once.inputs(0).name(), "z");
  EXPECT_EQ(once.outputs(0).name(), "y");
  EXPECT_EQ(once.name(), "");
}

// The stored hash of a frozen sample: a change of the canonical form would orphan every saved
// result.
TEST(ContentHash, IsStableAcrossVersions) {
  EXPECT_EQ(ContentHash(Read("graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: ReLU, "
                             "in: x}}\noutputs: {y: a}\n")),
            "984eeb1947f8d005420831004e2106638417d6898b2cc77cbd8f4c9dfaea2cc3");
}

}  // namespace
}  // namespace graphkiln::graph
