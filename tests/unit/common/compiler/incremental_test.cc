#include "common/compiler/incremental.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "common/compiler/compile.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Graphs and changes drawn from a seed.
class Editor {
 public:
  explicit Editor(uint32_t seed) : random_(seed) {}

  v1::Graph Graph(int nodes) {
    v1::Graph graph;
    for (const char* name : {"x", "image"}) {
      v1::GraphInput* input = graph.add_inputs();
      input->set_name(name);
      input->mutable_spec()->add_shape()->set_symbol("B");
      for (const int size : Of<std::vector<int>>({{8}, {4, 8}}))
        input->mutable_spec()->add_shape()->set_size(size);
    }
    (*graph.mutable_variables())["width"].set_int_value(8);
    for (int i = 0; i < nodes; ++i) {
      v1::Node* node = graph.add_nodes();
      node->set_id(fmt::format("n{}", i));
      count_ = i;
      Draw(node);
      if (i > 0 && Below(16) == 0) node->set_module(fmt::format("n{}", Below(i)));
    }
    count_ = nodes;
    for (int i = 0; i < 2; ++i) {
      v1::GraphOutput* output = graph.add_outputs();
      output->set_name(fmt::format("y{}", i));
      output->mutable_value()->mutable_reference()->set_node(
          fmt::format("n{}", nodes - 1 - Below(nodes / 2)));
    }
    return graph;
  }

  // A change of one node, seldom a wise one.
  v1::Node Change(v1::Node node) {
    switch (Below(8)) {
      case 0:
      case 1:
        node.clear_params();
        Params(&node);
        break;
      case 2:
        (*node.mutable_params())[Of<std::string>({"bias", "p", "dim", "nonsense"})].set_int_value(
            Below(3));
        break;
      case 3:
      case 4:
        Inputs(&node);
        break;
      case 5: {
        const std::string id = node.id();
        node.Clear();
        node.set_id(id);
        Draw(&node);
        break;
      }
      case 6:
        node.set_mode(
            Of<v1::NodeMode>({v1::NODE_MODE_NORMAL, v1::NODE_MODE_BYPASSED, v1::NODE_MODE_MUTED}));
        break;
      default:
        if (Below(2) == 0) {
          node.set_module(fmt::format("n{}", Below(count_)));
        } else {
          node.clear_module();
        }
    }
    return node;
  }

  int Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

 private:
  template <class T>
  T Of(std::vector<T> choices) {
    return choices[static_cast<size_t>(Below(static_cast<int>(choices.size())))];
  }

  void Draw(v1::Node* node) {
    node->set_type(
        Of<std::string>({"Linear", "Linear", "ReLU", "ReLU", "Add", "Concat", "LSTM", "LayerNorm",
                         "Dropout", "Flatten", "Softmax", "Conv1d", "Get", "Sequential",
                         "TransformerEncoderLayer", "WeightOf", "Lienar"}));
    Params(node);
    Inputs(node);
  }

  void Params(v1::Node* node) {
    auto& params = *node->mutable_params();
    const std::string& type = node->type();
    if (type == "Linear") {
      if (Below(4) == 0) {
        params["out_features"].set_expression("$width * 2");
      } else if (Below(8) != 0) {
        params["out_features"].set_int_value(Of<int>({8, 8, 8, 4, 0}));
      }
    } else if (type == "LSTM") {
      params["hidden_size"].set_int_value(8);
      if (Below(2) == 0) params["batch_first"].set_bool_value(true);
    } else if (type == "LayerNorm") {
      params["normalized_shape"].set_int_value(8);
    } else if (type == "Conv1d") {
      params["out_channels"].set_int_value(Of<int>({4, 2}));
      params["kernel_size"].set_int_value(Of<int>({1, 3}));
    } else if (type == "Get") {
      params["index"].set_int_value(Below(2));
    } else if (type == "WeightOf") {
      params["name"].set_string_value(Of<std::string>({"weight", "weight", "bias"}));
    } else if (type == "TransformerEncoderLayer") {
      params["nhead"].set_int_value(Of<int>({2, 3}));
    } else if (type == "Sequential") {
      node->clear_children();
      for (int i = Below(3); i >= 0; --i) {
        v1::Node* child = node->add_children()->mutable_node();
        child->set_type(Of<std::string>({"ReLU", "Dropout", "Linear"}));
        if (child->type() == "Linear")
          (*child->mutable_params())["out_features"].set_int_value(Of<int>({8, 4}));
      }
    }
  }

  void Inputs(v1::Node* node) {
    node->clear_inputs();
    for (int i = node->type() == "Add" || node->type() == "Concat" ? 2 : 1; i > 0; --i)
      Reference(node->add_inputs()->mutable_value());
  }

  // Mostly of a node that comes before; later ones close circles at times.
  void Reference(v1::Argument* argument) {
    v1::Reference* reference = argument->mutable_reference();
    const int before = std::max(count_, 1);
    const int kind = Below(40);
    if (kind == 0) {
      reference->set_node("nobody");
    } else if (kind < 8 || count_ == 0) {
      reference->set_node(Of<std::string>({"x", "image"}));
    } else {
      reference->set_node(fmt::format("n{}", std::max(0, before - 1 - Below(std::min(before, 6)))));
      if (Below(12) == 0) reference->set_port(Of<std::string>({"output", "h_n", "wrong"}));
    }
  }

  std::mt19937 random_;
  int count_ = 0;
};

// KILN_TEST_SEEDS asks for more graphs.
uint32_t Seeds() {
  const char* seeds = std::getenv("KILN_TEST_SEEDS");
  return seeds != nullptr ? static_cast<uint32_t>(std::atoi(seeds)) : 40;
}

std::vector<std::string> Texts(const std::vector<v1::Diagnostic>& diagnostics) {
  std::vector<std::string> texts;
  for (const v1::Diagnostic& d : diagnostics) texts.push_back(d.DebugString());
  return texts;
}

// In the order that the incremental compiler promises.
std::vector<std::string> Ordered(const v1::Graph& graph, std::vector<v1::Diagnostic> diagnostics) {
  std::map<std::string, int> place = {{"", -1}};
  for (int i = 0; i < graph.nodes_size(); ++i) place.emplace(graph.nodes(i).id(), i);
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [&](const v1::Diagnostic& a, const v1::Diagnostic& b) {
                     return place.at(a.node()) < place.at(b.node());
                   });
  return Texts(diagnostics);
}

void ExpectAsCompiled(const IncrementalCompiler& incremental) {
  CompileOptions options;
  options.lint = false;
  options.most_fixes = 0;
  const CompileResult whole = Compile(incremental.graph(), options);
  EXPECT_EQ(incremental.ok(), whole.ok);
  EXPECT_EQ(Texts(incremental.Diagnostics()), Ordered(incremental.graph(), whole.diagnostics));
  ASSERT_EQ(incremental.nodes().size(), whole.nodes.size());
  for (size_t i = 0; i < whole.nodes.size(); ++i)
    EXPECT_EQ(ToProto(incremental.nodes()[i]).DebugString(), ToProto(whole.nodes[i]).DebugString());
}

TEST(Incremental, EqualsAWholeCompilationAfterEveryChange) {
  int changes = 0;
  int partial = 0;
  for (uint32_t seed = 0; seed < Seeds() && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Editor editor(seed);
    IncrementalCompiler incremental(editor.Graph(10 + editor.Below(30)));
    ExpectAsCompiled(incremental);
    const v1::Graph first = incremental.graph();
    for (int i = 0; i < 40 && !HasFailure(); ++i) {
      // Now and then the old node comes back, so that not all is broken in the end.
      const v1::Node& old = first.nodes(editor.Below(first.nodes_size()));
      const v1::Node changed =
          editor.Below(3) == 0 ? old : editor.Change(*incremental.Find(old.id()));
      SCOPED_TRACE(fmt::format("change {}: {}", i, changed.ShortDebugString()));
      ASSERT_TRUE(incremental.Replace(changed).ok());
      ++changes;
      partial += incremental.retyped() < incremental.nodes().size();
      ExpectAsCompiled(incremental);
    }
  }
  // Otherwise the test would compare the compiler with itself.
  EXPECT_GT(partial * 10, changes * 9);
}

v1::Graph Chain(int nodes) {
  v1::Graph graph;
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("x");
  for (const int size : {2, 8}) input->mutable_spec()->add_shape()->set_size(size);
  for (int i = 0; i < nodes; ++i) {
    v1::Node* node = graph.add_nodes();
    node->set_id(fmt::format("n{}", i));
    node->set_type("Linear");
    (*node->mutable_params())["out_features"].set_int_value(8);
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(
        i == 0 ? "x" : fmt::format("n{}", i - 1));
  }
  graph.add_outputs()->set_name("y");
  graph.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node(
      fmt::format("n{}", nodes - 1));
  return graph;
}

TEST(Incremental, StopsWhereTypesStayTheSame) {
  IncrementalCompiler incremental(Chain(100));
  v1::Node node = *incremental.Find("n50");
  (*node.mutable_params())["out_features"].set_int_value(5);
  ASSERT_TRUE(incremental.Replace(node).ok());
  EXPECT_EQ(incremental.retyped(), 2u);  // the node, and its reader, whose result is the same
  EXPECT_TRUE(incremental.ok());
  EXPECT_EQ(incremental.nodes()[50].outputs[0].dim(1).value(), 5);

  (*node.mutable_params())["out_features"].set_string_value("many");
  ASSERT_TRUE(incremental.Replace(node).ok());
  EXPECT_FALSE(incremental.ok());
  ASSERT_EQ(incremental.Diagnostics().size(), 1u);
  EXPECT_EQ(incremental.Diagnostics()[0].code(), "PARAM_TYPE");
  EXPECT_EQ(incremental.nodes()[51].outputs.size(), 0u);
  ExpectAsCompiled(incremental);
}

TEST(Incremental, AnUnknownNodeIsRefused) {
  IncrementalCompiler incremental(Chain(3));
  v1::Node node;
  node.set_id("n3");
  EXPECT_EQ(incremental.Replace(node).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(incremental.ok());
}

}  // namespace
}  // namespace graphkiln::compiler
