#include "common/graph/canonical.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/graph/text.h"
#include "common/graph/writer.h"

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
            "43159006a2a0f99ae6c91506d0b005e28fc7597ec878f4aae6b41c479d142405");
}

// Pairs of graphs that the text form alone would take for one.
TEST(ContentHash, DifferentGraphsHaveDifferentHashes) {
  const auto with = [](const std::function<void(v1::Graph&)>& change) {
    v1::Graph graph = Read(
        "graphkiln: 1\ninputs: {x: {shape: []}}\nnodes: {a: {type: LSTM, in: x}, b: {type: ReLU, "
        "in: x, params: {p: q}}}\noutputs: {y: b}\n");
    change(graph);
    return graph;
  };
  std::set<std::string> hashes;
  int count = 0;
  const auto add = [&](const std::function<void(v1::Graph&)>& change) {
    const v1::Graph graph = with(change);
    hashes.insert(ContentHash(graph));
    EXPECT_EQ(hashes.size(), static_cast<size_t>(++count)) << graph.ShortDebugString();
    // And the text form keeps them apart, too.
    EXPECT_EQ(ContentHash(Read(WriteYaml(graph))), ContentHash(graph)) << WriteYaml(graph);
    EXPECT_EQ(ContentHash(Read(WriteJson(graph))), ContentHash(graph)) << WriteJson(graph);
  };
  const auto refer = [](v1::Graph& graph, const char* node, const char* port) {
    v1::Reference* reference = graph.mutable_outputs(0)->mutable_value()->mutable_reference();
    reference->set_node(node);
    reference->set_port(port);
  };
  add([](v1::Graph&) {});
  add([&](v1::Graph& g) { refer(g, "a.output", ""); });  // a node that is not there
  add([&](v1::Graph& g) { refer(g, "a", "output"); });   // a port
  add([&](v1::Graph& g) { refer(g, "c.output", ""); });  // neither is there
  add([&](v1::Graph& g) { refer(g, "c", "output"); });
  add([&](v1::Graph& g) {
    g.mutable_nodes(1)->set_id("a.output");
    refer(g, "a.output", "");
  });
  add([&](v1::Graph& g) {
    g.mutable_nodes(1)->set_id("a.output");
    refer(g, "a", "output");
  });
  add([](v1::Graph& g) { g.mutable_inputs(0)->set_shape_known(false); });  // not a scalar
  const auto param = [](v1::Graph& g) -> v1::Value& {
    return (*g.mutable_nodes(1)->mutable_params())["p"];
  };
  add([&](v1::Graph& g) { param(g).set_string_value("input.dim(1)"); });
  add([&](v1::Graph& g) { param(g).set_expression("input.dim(1)"); });
  add([&](v1::Graph& g) { param(g).set_string_value("input$|.dim(1)"); });
  add([&](v1::Graph& g) { param(g).set_string_value("$a"); });
  add([&](v1::Graph& g) { param(g).set_expression("$a"); });
  add([&](v1::Graph& g) { param(g).set_string_value("$$a"); });
  add([&](v1::Graph& g) { param(g).set_string_value("$+inf"); });
}

}  // namespace
}  // namespace graphkiln::graph
