#include "clients/cli/summary_text.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "clients/cli/documents.h"
#include "clients/cli/fitted_table.h"
#include "common/estimate/numbers.h"
#include "common/ir/dim.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

// Estimates end at ir::Dim::kSaturated, halves of them (a multiply-add for two operations) at the
// half: what is that large is told as a bound.
constexpr int64_t kUncounted = ir::Dim::kSaturated / 2;

// 11,689,512
std::string Grouped(int64_t number) {
  if (number >= kUncounted) return "more than 2.3e18";
  std::string digits = fmt::format("{}", number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

// 1.81 G
std::string Scaled(int64_t number) {
  constexpr std::string_view kUnits[] = {"", " k", " M", " G", " T", " P", " E"};
  if (number >= kUncounted) return "more than 2.3 E";
  auto value = static_cast<double>(number);
  size_t unit = 0;
  while (value >= 999.995 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{}", number) : fmt::format("{:.2f}{}", value, kUnits[unit]);
}

std::string Megabytes(int64_t bytes) {
  if (bytes >= kUncounted) return "more than 2.3e12";
  const double megabytes = static_cast<double>(bytes) / 1e6;
  return fmt::format("{:.{}f}", megabytes, bytes < 100'000 ? 4 : 2);
}

int64_t Sum(std::initializer_list<int64_t> parts) {
  int64_t sum = 0;
  for (const int64_t part : parts) sum += std::min(part, ir::Dim::kSaturated - sum);
  return sum;
}

template <class Specs>
std::string Shapes(const Specs& specs) {
  constexpr int kMost = 3;
  std::string text;
  for (int i = 0; i < specs.size(); ++i) {
    if (i == kMost) return text + ", …";
    const std::string typed = ShapeText(specs[i]);  // float32[B, 3]
    text += (i > 0 ? ", " : "") + typed.substr(typed.find('['));
  }
  return text;
}

std::string KernelText(const v1::LayerCost& layer) {
  std::string text;
  for (const int64_t size : layer.kernel())
    text += fmt::format("{}{}", text.empty() ? "" : "x", size);
  return text;
}

// Those whose parts are shown leave their parameters to them.
std::string ParametersText(const v1::LayerCost& layer, bool opened) {
  if (layer.shared()) return "(shared)";
  if (opened || layer.parameters() == 0) return "--";
  if (layer.trainable() == 0) return fmt::format("({})", Grouped(layer.parameters()));
  return Grouped(layer.parameters());
}

// For each layer whether another one comes behind it in the same composite.
std::vector<bool> HasFollower(const v1::SummarizeResponse& summary) {
  std::vector<bool> follows(static_cast<size_t>(summary.layers_size()), false);
  std::vector<bool> seen;  // by depth
  for (int i = summary.layers_size(); i-- > 0;) {
    const auto depth = static_cast<size_t>(summary.layers(i).depth());
    seen.resize(std::max(seen.size(), depth + 1), false);
    follows[static_cast<size_t>(i)] = seen[depth];
    seen[depth] = true;
    std::fill(seen.begin() + static_cast<std::ptrdiff_t>(depth) + 1, seen.end(), false);
  }
  return follows;
}

std::string Layers(const v1::SummarizeResponse& summary, std::optional<size_t> width) {
  FittedTable table({{"Layer (type)"},
                     {"Input", false, 2},
                     {"Output"},
                     {"Params", true},
                     {"Share", true, 4},
                     {"Kernel", true, 3},
                     {"Mult-adds", true, 1}});
  const std::vector<bool> follows = HasFollower(summary);
  std::vector<bool> open;  // by depth: the line goes on
  for (int i = 0; i < summary.layers_size(); ++i) {
    const v1::LayerCost& layer = summary.layers(i);
    const auto depth = static_cast<size_t>(layer.depth());
    open.resize(depth);
    std::string name;
    // The graph's own nodes stand at the left edge.
    for (size_t d = 1; d < depth; ++d) name += open[d] ? "│  " : "   ";
    if (depth > 0) name += follows[static_cast<size_t>(i)] ? "├─ " : "└─ ";
    open.push_back(follows[static_cast<size_t>(i)]);
    name += fmt::format("{} ({})", layer.name(), layer.type());
    const bool opened =
        i + 1 < summary.layers_size() && summary.layers(i + 1).depth() > layer.depth();
    const std::string parameters = ParametersText(layer, opened);
    const bool counted = summary.parameters() > 0 && parameters != "--" && !layer.shared();
    table.Row({std::move(name), Shapes(layer.inputs()), Shapes(layer.outputs()), parameters,
               counted ? fmt::format("{:.1f}%", 100 * static_cast<double>(layer.parameters()) /
                                                    static_cast<double>(summary.parameters()))
                       : "--",
               KernelText(layer),
               opened || layer.multiply_adds() == 0 ? "--" : Scaled(layer.multiply_adds())});
  }
  return table.Text(width);
}

std::string Totals(const v1::SummarizeResponse& summary) {
  const v1::MemorySummary& memory = summary.memory();
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{}: {}\n", name, value);
  };
  line("Total params", Grouped(summary.parameters()));
  line("Trainable params", Grouped(summary.trainable()));
  line("Non-trainable params", Grouped(summary.parameters() - summary.trainable()));
  line("Buffers", Grouped(summary.buffers()));
  line("Total mult-adds", Scaled(summary.multiply_adds()));
  line("Total FLOPs", Scaled(summary.flops()));
  line("Input size (MB)", Megabytes(memory.inputs()));
  line("Forward/backward pass size (MB)", Megabytes(memory.forward_backward()));
  line("Params size (MB)", Megabytes(memory.parameters()));
  line("Estimated total size (MB)",
       Megabytes(Sum({memory.inputs(), memory.forward_backward(), memory.parameters()})));
  line("Optimizer state (MB)", Megabytes(memory.optimizer()));
  line("Peak of inference (MB)", Megabytes(memory.peak_inference()));
  line("Peak of training (MB)", Megabytes(memory.peak_training()));
  return text;
}

// A row for each precision, a column for each optimizer.
std::string Estimates(const v1::SummarizeResponse& summary, std::optional<size_t> width) {
  std::vector<FittedTable::Column> columns = {{"Peak memory (MB)"}, {"inference", true}};
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
  for (const v1::MemoryEstimate& estimate : summary.estimates()) {
    if (columns.size() == 2 || columns.back().title != estimate.optimizer())
      columns.push_back({estimate.optimizer(), true});
    const std::string name(estimate::NumbersName(estimate.numbers()));
    auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      names.push_back(name);
      rows.push_back({name, Megabytes(estimate.memory().peak_inference())});
      at = names.end() - 1;
    }
    rows[static_cast<size_t>(at - names.begin())].push_back(
        Megabytes(estimate.memory().peak_training()));
  }
  FittedTable table(std::move(columns));
  for (std::vector<std::string>& row : rows) table.Row(std::move(row));
  return table.Text(width);
}

}  // namespace

std::string SummaryText(const v1::SummarizeResponse& summary, std::optional<size_t> width) {
  std::string text;
  const auto part = [&](const std::string& lines) { text += (text.empty() ? "" : "\n") + lines; };
  if (summary.layers_size() > 0) part(Layers(summary, width));
  part(Totals(summary));
  if (summary.estimates_size() > 0) part(Estimates(summary, width));
  return text;
}

}  // namespace graphkiln::cli
