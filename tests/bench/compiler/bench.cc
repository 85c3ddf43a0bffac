// Figures of the compiler, one JSON line each; bench.py runs it beside its peers:
//
//   ninja -C build/release kiln-compiler-bench
//   build/release/bin/kiln-compiler-bench [--what validate] [--shape mlp] [--nodes 1000]
//
//   validate    Compile of the parsed graph with its lints, as `kiln validate` does it; the
//   result's
//               own end included
//   unlinted    the same without lints
//   python      Compile and the text of the Python model
//   revalidate  IncrementalCompiler::Replace of a node in the middle of the graph: a parameter, or
//               where its input comes from
//
// A value is the median of repeated runs in one thread; without flags, all figures of the target.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/compiler/compile.h"
#include "common/compiler/incremental.h"
#include "common/emit/emit.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tests/bench/compiler/graphs.h"

namespace graphkiln::bench {
namespace {

struct Flags {
  std::string what, shape;
  int nodes = 0;
  double seconds = 1.0;
};

double Now() { return absl::ToDoubleSeconds(SystemClock().Monotonic()); }

// Milliseconds of one run.
double Validate(const v1::Graph& graph, bool lint) {
  compiler::CompileOptions options;
  options.lint = lint;
  const double start = Now();
  bool ok = false;
  {
    const compiler::CompileResult result = compiler::Compile(graph, options);
    ok = result.ok;
  }
  const double spent = Now() - start;
  if (!ok) fmt::print(stderr, "the graph has errors\n");
  return spent * 1e3;
}

double Python(const v1::Graph& graph) {
  const double start = Now();
  bool ok = false;
  {
    const compiler::CompileResult result = compiler::Compile(graph);
    ok = emit::Generate(graph, result, "python").ok();
  }
  const double spent = Now() - start;
  if (!ok) fmt::print(stderr, "no Python came out\n");
  return spent * 1e3;
}

// Changes a node in the middle, each time in another way; the result is read as an editor would.
double Revalidate(compiler::IncrementalCompiler& incremental, size_t round) {
  const int middle = incremental.graph().nodes_size() / 2;
  v1::Node node = incremental.graph().nodes(middle - middle % 4 + static_cast<int>(round % 4));
  if (node.type() == "Linear" || node.type() == "Conv2d") {
    const bool bias = round % 8 < 4;
    (*node.mutable_params())["bias"].set_bool_value(bias);
  } else {
    // Another source, whose result is of the same type.
    v1::Reference* source = node.mutable_inputs(0)->mutable_value()->mutable_reference();
    source->set_node(
        fmt::format("n{}", middle - 8 + static_cast<int>(round / 4 % 2) * 4 - middle % 4));
  }
  const double start = Now();
  const absl::Status replaced = incremental.Replace(std::move(node));
  const size_t findings = incremental.Diagnostics().size();
  const double spent = Now() - start;
  const bool whole = incremental.retyped() == incremental.nodes().size();
  if (!replaced.ok() || !incremental.ok() || whole)
    fmt::print(stderr, "revalidation: {} findings, everything typed: {}\n", findings, whole);
  return spent * 1e3;
}

bool Measure(const std::string& what, const std::string& shape, int nodes, double seconds) {
  const v1::Graph graph = MakeGraph(shape, nodes);
  if (graph.nodes_size() == 0) return false;
  std::optional<compiler::IncrementalCompiler> incremental;
  if (what == "revalidate") incremental.emplace(graph);
  size_t round = 0;
  const auto run = [&]() {
    if (incremental) return Revalidate(*incremental, round++);
    return what == "python" ? Python(graph) : Validate(graph, what == "validate");
  };
  run();  // tables are built by the first run
  std::vector<double> times;
  for (const double end = Now() + seconds; times.size() < 5 || Now() < end;) times.push_back(run());
  std::sort(times.begin(), times.end());
  const nlohmann::ordered_json line = {
      {"name", fmt::format("compiler.{}_{}_{}", what, shape, nodes)},
      {"value", times[times.size() / 2]},
      {"unit", "ms"},
      {"peer", nullptr},
      {"ratio", nullptr},
      {"fastest", times[0]},
      {"runs", times.size()}};
  fmt::print("{}\n", line.dump());
  std::fflush(stdout);
  return true;
}

int Run(const Flags& flags) {
  struct Figure {
    const char* what;
    int nodes;
  };
  std::vector<Figure> figures = {{"validate", 1'000},   {"validate", 10'000},
                                 {"validate", 100'000}, {"unlinted", 100'000},
                                 {"python", 1'000},     {"revalidate", 10'000}};
  for (const char* shape : {"mlp", "residual"}) {
    if (!flags.shape.empty() && flags.shape != shape) continue;
    for (const Figure& figure : figures) {
      if (!flags.what.empty() && flags.what != figure.what) continue;
      if (flags.nodes != 0 && flags.nodes != figure.nodes) continue;
      if (!Measure(figure.what, shape, figure.nodes, flags.seconds)) return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace graphkiln::bench

int main(int argc, char** argv) {
  graphkiln::bench::Flags flags;
  CLI::App app("Figures of the compiler.", "kiln-compiler-bench");
  app.add_option("--what", flags.what, "validate, unlinted, python or revalidate; default: all");
  app.add_option("--shape", flags.shape, "mlp or residual; default: both");
  app.add_option("--nodes", flags.nodes, "this size alone");
  app.add_option("--seconds", flags.seconds, "time for each figure");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  graphkiln::InitLogging("bench", graphkiln::LogLevel::kError);
  return graphkiln::bench::Run(flags);
}
