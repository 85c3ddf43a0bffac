// kiln summary FILE: sizes and costs.
#include "common/estimate/summary.h"

#include <algorithm>
#include <charconv>

#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/fitted_table.h"
#include "clients/cli/graph_file.h"
#include "clients/cli/summary_text.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "common/estimate/numbers.h"
#include "common/graph/text.h"
#include "common/jobs/registry.h"
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
    arguments->Add("--size", &sizes_, "Value of a symbol; repeatable").value_name = "SYMBOL=N";
    arguments->Add("--depth", &depth_, "Levels of nested layers to show (3)").value_name = "N";
    arguments->Add("--optimizer", &optimizer_, "Optimizer of the training peak (Adam)").value_name =
        "TYPE[,PARAM=VALUE]...";
    Argument& precision =
        arguments->Add("--precision", &precision_, "Element types of the memory (float32)");
    for (const estimate::NumbersKind& kind : estimate::AllNumbers())
      precision.choices.emplace_back(kind.name);
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (batch_ && *batch_ < 1) {
      return context.Fail(kUsage, "USAGE", "--batch must be 1 or more");
    }
    if (depth_ && (*depth_ < 0 || *depth_ > kMostDepth)) {
      return context.Fail(kUsage, "USAGE", fmt::format("--depth must be 0 to {}", kMostDepth));
    }
    estimate::SummaryOptions options;
    options.depth = static_cast<int>(depth_.value_or(kUsualDepth));
    if (!precision_.empty()) options.numbers = *estimate::ParseNumbers(precision_);
    const auto moments = Moments();
    if (!moments) {
      return context.Fail(kUsage, "USAGE",
                          fmt::format("--optimizer {}: no such optimizer, or a wrong parameter",
                                      QuoteForMessage(optimizer_)));
    }
    options.moments = *moments;
    options.optimizers = jobs::OptimizerKinds();
    auto compiled = CompileGraphFile(file_, flags_);
    if (!compiled.ok()) return context.Fail(compiled.status());
    if (!compiled->ok) return context.FailInvalid(compiled->diagnostics);
    const std::string wrong = Bind(*compiled->result.module, &options.symbols);
    if (!wrong.empty()) return context.Fail(kUsage, "USAGE", wrong);
    const auto summary = estimate::Summarize(compiled->result, options);
    if (!summary.ok()) return context.Fail(kUsage, "USAGE", MessageOf(summary.status()));
    if (context.format() != Format::kText) {
      context.PrintDocument(SummaryJson(*summary));
      return kOk;
    }
    context.Print(SummaryText(*summary, OutputWidth()));
    return kOk;
  }

 private:
  static constexpr int64_t kUsualDepth = 3;
  static constexpr int64_t kMostDepth = 1000;

  // The batch is the first size of the inputs. Symbols without a value count as 1.
  std::string Bind(const ir::Module& module, estimate::Symbols* symbols) const {
    const std::vector<std::string> known = ir::InputSymbols(module);
    const auto exists = [&](const std::string& symbol) {
      return std::find(known.begin(), known.end(), symbol) != known.end();
    };
    for (const ir::Input& input : module.inputs) {
      const ir::TensorType& type = module.type(input.value);
      if (!batch_ || type.rank() == 0 || type.dim(0).IsConst()) continue;
      const std::string symbol = type.dim(0).ToString();
      if (exists(symbol)) (*symbols)[symbol] = *batch_;
    }
    for (const std::string& given : sizes_) {
      const size_t at = given.find('=');
      const std::string symbol = given.substr(0, at);
      int64_t size = 0;
      const char* end = given.data() + given.size();
      const auto read =
          std::from_chars(given.data() + std::min(at, given.size() - 1) + 1, end, size);
      if (at == given.npos || read.ec != std::errc() || read.ptr != end || size < 1)
        return fmt::format("--size {} is not SYMBOL=N with an N of 1 or more",
                           QuoteForMessage(given));
      if (!exists(symbol))
        return fmt::format("--size {}: the inputs have no such symbol", QuoteForMessage(given));
      (*symbols)[symbol] = size;
    }
    return "";
  }

  // SGD,momentum=0.9
  std::optional<int64_t> Moments() const {
    v1::Component optimizer;
    optimizer.set_type("Adam");
    bool first = true;
    for (const std::string_view part : SplitView(optimizer_, ',')) {
      if (part.empty()) continue;
      const size_t at = part.find('=');
      if (first) {
        optimizer.set_type(std::string(part));
      } else if (at == part.npos) {
        return std::nullopt;
      } else {
        const auto value = ReadText(part.substr(at + 1), TextLimits(), nullptr);
        if (!value.ok()) return std::nullopt;
        (*optimizer.mutable_params())[std::string(part.substr(0, at))] = graph::ReadValue(*value);
      }
      first = false;
    }
    return jobs::OptimizerMoments(optimizer);
  }

  std::string file_;
  std::optional<int64_t> batch_;
  std::optional<int64_t> depth_;
  std::vector<std::string> sizes_;
  std::string optimizer_;
  std::string precision_;
  GraphFlags flags_;
};

}  // namespace

void AddSummary(CommandList* commands) { commands->push_back(std::make_unique<Summary>()); }

}  // namespace graphkiln::cli
