#include "common/compiler/ports.h"

#include <utility>

#include "absl/types/span.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::compiler {

std::optional<nodes::PortValues> TensorsAt(const nodes::NodeDef& def, const Instance& instance,
                                           const Report::Place& place, const ir::Module& module,
                                           Report& report) {
  nodes::PortValues ports(def.inputs.size());
  bool ok = true;
  for (size_t p = 0; p < def.inputs.size(); ++p) {
    const Tree& tree = instance.inputs[p];
    if (tree.kind == Tree::Kind::kNone) continue;
    ports[p].connected = true;
    const absl::Span<const Tree> values =
        def.inputs[p].variadic ? absl::MakeConstSpan(tree.items) : absl::MakeConstSpan(&tree, 1);
    ports[p].values.reserve(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].IsTensor()) {
        ports[p].values.push_back(values[i].value);
        continue;
      }
      if (def.inputs[p].holes && values[i].kind == Tree::Kind::kLiteral &&
          values[i].literal.kind_case() == v1::Value::kNullValue) {
        ports[p].values.emplace_back();
        continue;
      }
      ok = false;
      const bool tuple =
          values[i].kind == Tree::Kind::kTuple || values[i].kind == Tree::Kind::kDict;
      v1::Diagnostic& diagnostic =
          report.ErrorAt(place, tuple ? "TUPLE_NEEDS_GET" : "ARGUMENT_TYPE",
                         tuple ? "several values arrive where one tensor is expected; name the "
                                 "output port or put a Get between"
                               : "a tensor is expected");
      diagnostic.set_port(def.inputs[p].variadic ? fmt::format("{}[{}]", def.inputs[p].name, i)
                                                 : def.inputs[p].name);
      diagnostic.set_expected("a tensor");
      diagnostic.set_found(TreeText(values[i], module));
    }
    const int count = static_cast<int>(values.size());
    if (def.inputs[p].variadic &&
        (count < def.inputs[p].at_least || count > def.inputs[p].at_most)) {
      ok = false;
      v1::Diagnostic& diagnostic = report.ErrorAt(
          place, "ARITY",
          fmt::format("{} takes {}{} values at {}", instance.type,
                      def.inputs[p].at_least == def.inputs[p].at_most ? "" : "at least ",
                      def.inputs[p].at_least, def.inputs[p].name));
      diagnostic.set_port(def.inputs[p].name);
      diagnostic.set_expected(fmt::format("{}", def.inputs[p].at_least));
      diagnostic.set_found(fmt::format("{}", count));
    }
  }
  if (!ok) return std::nullopt;
  return ports;
}

Tree ResultOf(const nodes::NodeDef& def, const nodes::Params& params,
              absl::Span<const ir::ValueId> values) {
  if (def.outputs[0].many) {
    std::vector<Tree> items;
    for (const ir::ValueId id : values) items.push_back(Tree::Tensor(id));
    return Tree::Tuple(std::move(items));
  }
  if (def.outputs.size() == 1 && def.outputs[0].when.empty()) return Tree::Tensor(values[0]);
  const std::vector<int> active = def.ActiveOutputs(params);
  if (active.size() == 1) return Tree::Tensor(values[static_cast<size_t>(active[0])]);
  Tree tree;
  tree.kind = Tree::Kind::kTuple;
  for (const int port : active) {
    Tree* at = &tree;
    for (const int step : def.outputs[static_cast<size_t>(port)].path) {
      at->kind = Tree::Kind::kTuple;
      if (static_cast<size_t>(step) >= at->items.size())
        at->items.resize(static_cast<size_t>(step) + 1);
      at = &at->items[static_cast<size_t>(step)];
    }
    *at = Tree::Tensor(values[static_cast<size_t>(port)]);
  }
  Measure(tree);
  return tree;
}

const Tree* PickItem(const Instance& instance, const Report::Place& place, const ir::Module& module,
                     Report& report) {
  const Tree& tree = instance.inputs[0];
  const nodes::Params& params = instance.params;
  const auto fail = [&](std::string code, std::string message,
                        std::string expected) -> const Tree* {
    v1::Diagnostic& diagnostic = report.ErrorAt(place, code, std::move(message));
    diagnostic.set_expected(std::move(expected));
    diagnostic.set_found(TreeText(tree, module));
    diagnostic.set_port("input");
    return nullptr;
  };
  const bool by_key = !params.IsNull("key");
  if (by_key == !params.IsNull("index")) {
    v1::Diagnostic& diagnostic =
        report.ErrorAt(place, "MISSING_PARAM", "exactly one of index and key is needed");
    diagnostic.set_param("index");
    return nullptr;
  }
  if (by_key) {
    if (tree.kind != Tree::Kind::kDict)
      return fail("ARGUMENT_TYPE", "a key picks from a dict", "a dict");
    for (size_t i = 0; i < tree.names.size(); ++i) {
      if (tree.names[i] == params.Text("key")) return &tree.items[i];
    }
    return fail("PARAM_RANGE",
                fmt::format("there is no key {}", QuoteForMessage(params.Text("key"))),
                "one of the keys");
  }
  if (tree.kind != Tree::Kind::kTuple)
    return fail("ARGUMENT_TYPE", "an index picks from a tuple", "a tuple");
  const int64_t n = static_cast<int64_t>(tree.items.size());
  int64_t i = params.Int("index");
  if (i < 0) i += n;
  if (i < 0 || i >= n) {
    return fail("PARAM_RANGE", fmt::format("there is no item {}", params.Int("index")),
                fmt::format("{} to {}", -n, n - 1));
  }
  return &tree.items[static_cast<size_t>(i)];
}

}  // namespace graphkiln::compiler
