#include "common/graph/text.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "common/graph/writer.h"

namespace graphkiln::graph {
namespace {

struct Read {
  v1::Graph graph;
  SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  bool ok;
};
Read Text(std::string_view text) {
  Read r;
  auto graph = ReadGraph(text, "net.kiln.yaml", &r.positions, &r.diagnostics);
  r.ok = graph.ok();
  if (graph.ok()) r.graph = *std::move(graph);
  return r;
}

constexpr std::string_view kSample = R"(graphkiln: 1
name: sample
variables: {width: 8}
inputs:
  x: {dtype: int64, shape: [B, "2*T"]}
  h: {shape: []}
nodes:
  a.b: {type: Embedding, in: x, params: {num_embeddings: $width * 2, embedding_dim: 3, max_norm: null}}
  gru: {type: GRU, in: {input: a.b, hx: null}, params: {hidden_size: 4}}
  cat: {type: Concat, in: [[gru.output, a.b]], params: {dim: -1}}
  lit: {type: Mul, in: [cat, h], doc: "price: $$5"}
outputs: {y: [lit, gru.h_n], z: {k: lit}}
output_form: dict
view: {cat: {x: 1.5, y: 2}}
)";

TEST(Text, ReadsTheWholeForm) {
  const Read r = Text(kSample);
  ASSERT_TRUE(r.ok);
  EXPECT_TRUE(r.diagnostics.empty()) << r.diagnostics[0].ShortDebugString();
  EXPECT_EQ(r.graph.inputs(0).spec().dtype(), v1::DATA_TYPE_INT64);
  EXPECT_EQ(r.graph.inputs(0).spec().shape(1).symbol(), "2*T");
  EXPECT_EQ(r.graph.nodes(0).params().at("num_embeddings").expression(), "$width * 2");
  EXPECT_EQ(r.graph.nodes(0).params().at("max_norm").kind_case(), v1::Value::kNullValue);
  // An id with a dot is found before a port is looked for.
  EXPECT_EQ(r.graph.nodes(1).inputs(0).value().reference().node(), "a.b");
  EXPECT_EQ(r.graph.nodes(2).inputs(0).value().list().items(0).reference().port(), "output");
  EXPECT_EQ(r.graph.outputs(0).value().list().items(1).reference().port(), "h_n");
  EXPECT_EQ(r.graph.outputs(1).value().map().entries(0).name(), "k");
  EXPECT_EQ(r.graph.view().nodes().at("cat").x(), 1.5);
  EXPECT_EQ(r.positions.by_path.at("nodes.gru.in.hx").line, 9);
  EXPECT_EQ(r.positions.by_path.at("nodes.a.b.params.embedding_dim").line, 8);
}

TEST(Text, YamlAndJsonGiveTheSameGraphBack) {
  const Read r = Text(kSample);
  for (const std::string& text : {WriteYaml(r.graph), WriteJson(r.graph)}) {
    const Read again = Text(text);
    EXPECT_TRUE(again.diagnostics.empty()) << text;
    EXPECT_EQ(WriteJson(again.graph), WriteJson(r.graph)) << text;
  }
}

TEST(Text, HostileTextSurvivesTheRoundTrip) {
  v1::Graph graph;
  graph.set_schema_version(1);
  graph.set_name("true");
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("a: b\n\"c\" # \\ \t");
  input->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
  v1::Node* node = graph.add_nodes();
  node->set_id("1.5");
  node->set_type("null");
  (*node->mutable_params())["text"].set_string_value("$5 and $x {y} \xC3\xA4");
  (*node->mutable_params())["inf"].set_double_value(INFINITY);
  (*node->mutable_params())["whole"].set_double_value(2);
  const Read r = Text(WriteYaml(graph));
  ASSERT_TRUE(r.ok) << WriteYaml(graph);
  EXPECT_EQ(r.graph.name(), "true");
  EXPECT_EQ(r.graph.inputs(0).name(), input->name());
  EXPECT_EQ(r.graph.nodes(0).id(), "1.5");
  EXPECT_EQ(r.graph.nodes(0).params().at("text").string_value(), "$5 and $x {y} \xC3\xA4");
  EXPECT_EQ(r.graph.nodes(0).params().at("inf").double_value(), INFINITY);
  EXPECT_EQ(r.graph.nodes(0).params().at("whole").kind_case(), v1::Value::kDoubleValue);
}

TEST(Text, FindingsAreLocatedAndComeTogether) {
  const Read r = Text(R"(graphkiln: 1
inputs:
  x: {dtype: float23, shape: [B, 1.5]}
  y: {dtype: float32}
nodes:
  a: {in: x}
  b: [1]
  c: {type: ReLU, in: x, parms: {q: 1}, mode: sideways}
outptus: {y: a}
)");
  ASSERT_TRUE(r.ok);
  std::string found;
  for (const v1::Diagnostic& d : r.diagnostics) {
    found += d.code() + " " + std::to_string(d.line()) + ":" + std::to_string(d.column()) + " " +
             d.path() + " [" + d.node() + "]\n";
  }
  EXPECT_EQ(found,
            "UNKNOWN_FIELD 9:1 outptus []\n"
            "BAD_SHAPE 3:14 inputs.x.dtype []\n"
            "BAD_SHAPE 3:34 inputs.x.shape []\n"
            "MISSING_KEY 4:3 inputs.y.shape []\n"
            "MISSING_KEY 6:3 nodes.a.type [a]\n"
            "SYNTAX 7:6 nodes.b [b]\n"
            "PARAM_RANGE 8:47 nodes.c.mode [c]\n"
            "UNKNOWN_FIELD 8:26 nodes.c.parms [c]\n");
  EXPECT_EQ(r.diagnostics[0].expected(), "outputs");
  // Unknown keys are kept.
  EXPECT_TRUE(r.graph.extra().fields().contains("outptus"));
  EXPECT_TRUE(r.graph.nodes(2).extra().fields().contains("parms"));
}

TEST(Text, DuplicateNodesAreRefused) {
  const Read r = Text("graphkiln: 1\nnodes:\n  a: {type: ReLU}\n  a: {type: Tanh}\n");
  EXPECT_FALSE(r.ok);
  ASSERT_EQ(r.diagnostics.size(), 1u);
  EXPECT_EQ(r.diagnostics[0].code(), "DUPLICATE_KEY");
  EXPECT_EQ(r.diagnostics[0].line(), 4);
}

TEST(Text, OtherRootsAndVersionsAreRefused) {
  EXPECT_FALSE(Text("[1, 2]").ok);
  EXPECT_EQ(Text("graphkiln: 2\n").diagnostics[0].code(), "BAD_VERSION");
  // The version has a natural default.
  EXPECT_TRUE(Text("nodes: {}\n").diagnostics.empty());
}

// Text that nobody would write by hand: one located finding each, never a crash or a long wait.
TEST(HostileText, IsRefusedWithOneLocatedFinding) {
  struct Case {
    std::string text;
    int line;
    std::string message;
  };
  std::string bomb = "graphkiln: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) bomb += (k > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  const std::vector<Case> cases = {
      {"graphkiln: 1\nnodes: " + std::string(100'000, '['), 2, "nested more than 64"},
      {"{\"graphkiln\": 1,\n\"nodes\": " + std::string(100'000, '['), 2, "nested more than 64"},
      {bomb, 7, "anchors and aliases expand"},
      {"graphkiln: 1\nname: \xff\n", 2, "not valid UTF-8"},
      {std::string("graphkiln: 1\nname: \0x\n", 22), 2, "control character"},
      {"graphkiln: 1\nnodes: {a: {type: ReLU\n", 3, "not valid YAML"},
      {"{\"graphkiln\": 1,\n}", 2, "not valid JSON"},
      {"graphkiln: 1\nnodes: {a: {params: {n: 99999999999999999999}}}\n", 2,
       "does not fit 64 bits"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text.substr(0, 60));
    const Read r = Text(c.text);
    EXPECT_FALSE(r.ok);
    ASSERT_EQ(r.diagnostics.size(), 1u);
    EXPECT_EQ(r.diagnostics[0].code(), "SYNTAX");
    EXPECT_EQ(r.diagnostics[0].line(), c.line);
    EXPECT_NE(r.diagnostics[0].message().find(c.message), std::string::npos)
        << r.diagnostics[0].message();
    EXPECT_EQ(r.diagnostics[0].file(), "net.kiln.yaml");
  }
}

// An error behind more warnings than are told is told all the same.
TEST(HostileText, WarningsLeaveRoomForErrors) {
  std::string text = "graphkiln: 1\ninputs: {x: {shape: [4]}}\nnodes:\n";
  for (int i = 0; i < 1'500; ++i) text += fmt::format("  n{}: {{type: ReLU, in: x, odd: 1}}\n", i);
  text += "  last: {type: ReLU, in: x, mode: mutde}\noutputs: {y: last}\n";
  std::vector<v1::Diagnostic> diagnostics;
  (void)ReadGraph(text, "g", nullptr, &diagnostics);
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_LE(diagnostics.size(), 1'000u);
  EXPECT_EQ(diagnostics.back().severity(), v1::SEVERITY_ERROR);
  EXPECT_EQ(diagnostics.back().node(), "last");
}

TEST(HostileText, TooManyNodesAndFindingsAreBounded) {
  std::string text = "graphkiln: 1\nnodes:\n";
  for (int i = 0; i < 200'001; ++i) text += " n" + std::to_string(i) + ":\n";
  const Read many = Text(text);
  ASSERT_EQ(many.diagnostics.size(), 1u);
  EXPECT_EQ(many.diagnostics[0].code(), "LIMIT");
  text = "graphkiln: 1\nnodes:\n";
  for (int i = 0; i < 5'000; ++i) text += " n" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(Text(text).diagnostics.size(), 1000u);
}

}  // namespace
}  // namespace graphkiln::graph
