#include "tests/bench/compiler/graphs.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "fmt/format.h"

namespace graphkiln::bench {
namespace {

constexpr int kWidth = 256;
constexpr int kChannels = 16;
constexpr int kSide = 32;

class Builder {
 public:
  explicit Builder(int nodes) : nodes_(nodes) {}

  v1::Graph Finish() {
    v1::GraphOutput* output = graph_.add_outputs();
    output->set_name("y");
    output->mutable_value()->mutable_reference()->set_node(last_);
    return std::move(graph_);
  }

  void Input(std::initializer_list<int> sizes) {
    v1::GraphInput* input = graph_.add_inputs();
    input->set_name("x");
    input->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
    input->mutable_spec()->add_shape()->set_symbol("B");
    for (const int size : sizes) input->mutable_spec()->add_shape()->set_size(size);
    last_ = "x";
  }

  bool full() const { return graph_.nodes_size() >= nodes_; }
  const std::string& last() const { return last_; }

  // Takes the node before, and `other` where that is given.
  void Add(std::string_view type,
           std::initializer_list<std::pair<std::string_view, int64_t>> params = {},
           const std::string& other = "") {
    if (full()) return;
    v1::Node* node = graph_.add_nodes();
    node->set_id(fmt::format("n{}", graph_.nodes_size() - 1));
    node->set_type(std::string(type));
    Connect(last_, node);
    if (!other.empty()) Connect(other, node);
    for (const auto& [name, value] : params)
      (*node->mutable_params())[std::string(name)].set_int_value(value);
    last_ = node->id();
  }

 private:
  static void Connect(const std::string& source, v1::Node* node) {
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(source);
  }

  const int nodes_;
  v1::Graph graph_;
  std::string last_;
};

}  // namespace

v1::Graph MakeGraph(std::string_view shape, int nodes) {
  Builder builder(nodes);
  if (shape == "mlp") {
    builder.Input({kWidth});
    while (!builder.full()) {
      builder.Add("Linear", {{"out_features", kWidth}});
      builder.Add("LayerNorm", {{"normalized_shape", kWidth}});
      builder.Add("GELU");
      builder.Add("Dropout");
    }
  } else if (shape == "residual") {
    builder.Input({kChannels, kSide, kSide});
    const auto conv = [&builder] {
      builder.Add("Conv2d", {{"out_channels", kChannels}, {"kernel_size", 3}, {"padding", 1}});
      builder.Add("BatchNorm2d");
    };
    while (!builder.full()) {
      const std::string before = builder.last();
      conv();
      builder.Add("ReLU");
      conv();
      builder.Add("Add", {}, before);
      builder.Add("ReLU");
    }
  } else {
    return {};
  }
  return builder.Finish();
}

}  // namespace graphkiln::bench
