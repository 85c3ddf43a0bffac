// kiln summary FILE: sizes and costs.
#include "common/estimate/summary.h"

#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "clients/cli/table.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Summary : public Command {
 public:
  std::string_view name() const override { return "summary"; }
  std::string_view summary() const override { return "Show sizes and costs of a graph (local)"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph; - is stdin").required = true;
    arguments->Add("--batch", &batch_, "Value of the batch symbol").value_name = "N";
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (batch_ && *batch_ < 1) {
      return context.Fail(kUsage, "USAGE", "--batch must be 1 or more");
    }
    auto compiled = CompileGraphFile(file_, flags_);
    if (!compiled.ok()) return context.Fail(compiled.status());
    if (!compiled->ok) return context.FailInvalid(compiled->diagnostics);
    const v1::SummarizeResponse summary =
        estimate::Summarize(compiled->result, Symbols(*compiled->result.module));
    if (context.format() != Format::kText) {
      context.PrintDocument(SummaryJson(summary));
      return kOk;
    }
    Table table({"node", "type", "output", "parameters", "FLOPs", "activations"});
    for (const v1::NodeCost& node : summary.nodes()) {
      std::string outputs;
      for (const auto& output : node.outputs()) {
        outputs += (outputs.empty() ? "" : ", ") + ShapeText(output);
      }
      table.Row({node.id(), node.type(), outputs, fmt::format("{}", node.parameters()),
                 fmt::format("{}", node.flops()),
                 HumanBytes(static_cast<uint64_t>(node.activations()))});
    }
    const auto bytes = [](int64_t n) { return HumanBytes(static_cast<uint64_t>(n)); };
    const v1::MemorySummary& memory = summary.memory();
    context.Print(table.Text());
    context.Print(fmt::format(
        "parameters {} (trainable {}), buffers {}, FLOPs {}\n"
        "memory: parameters {}, gradients {}, optimizer {}, activations {}, peak inference {}, "
        "peak training {}\n",
        summary.parameters(), summary.trainable(), summary.buffers(), summary.flops(),
        bytes(memory.parameters()), bytes(memory.gradients()), bytes(memory.optimizer()),
        bytes(memory.activations()), bytes(memory.peak_inference()),
        bytes(memory.peak_training())));
    return kOk;
  }

 private:
  // The batch is the first size of the inputs; it counts as 1 where nobody says otherwise.
  std::map<std::string, int64_t> Symbols(const ir::Module& module) const {
    std::map<std::string, int64_t> symbols;
    for (const std::string& symbol : ir::InputSymbols(module)) symbols[symbol] = 1;
    for (const ir::Input& input : module.inputs) {
      const ir::TensorType& type = module.type(input.value);
      if (type.rank() == 0 || type.dim(0).IsConst()) continue;
      const auto it = symbols.find(type.dim(0).ToString());
      if (it != symbols.end()) it->second = batch_.value_or(1);
    }
    return symbols;
  }

  std::string file_;
  std::optional<int64_t> batch_;
  GraphFlags flags_;
};

}  // namespace

void AddSummary(CommandList* commands) { commands->push_back(std::make_unique<Summary>()); }

}  // namespace graphkiln::cli
