// kiln run FILE --weights W --inputs I -O O: one forward in a trainer process, no server.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "clients/cli/table.h"
#include "common/base/file.h"
#include "fmt/format.h"
#include "services/worker/launch/forward_once.h"

namespace graphkiln::cli {
namespace {

class RunGraph : public Command {
 public:
  std::string_view name() const override { return "run"; }
  std::string_view summary() const override {
    return "Run the forward of a graph on inputs from a file (local)";
  }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph, or a program that `plan` wrote; - is stdin")
        .required = true;
    Path(arguments, "--weights", &weights_, "Weights, a safetensors file with state_dict keys");
    Path(arguments, "--inputs", &inputs_,
         "Inputs, a safetensors file with tensors named as the inputs");
    Path(arguments, "-O,--out", &out_, "Where to write the outputs (safetensors, by name)");
    arguments->Add("--train-mode", &train_mode_, "Run dropout and batch norm as in training");
    arguments->Add("--seed", &seed_, "Seed of random operators; default 0").value_name = "S";
    arguments->Add("--timeout", &timeout_, "Seconds to wait; default 600").value_name = "SECONDS";
    // `--inputs` holds the values here, so `--input` keeps its meaning of shapes.
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (absl::Status status = CheckOutput(out_, {file_, weights_, inputs_}); !status.ok())
      return context.Fail(status);
    if (timeout_ < 1) return context.Fail(kUsage, "USAGE", "--timeout must be 1 or more");
    auto source = ReadGraphFile(file_, flags_);
    if (!source.ok()) return context.Fail(source.status());
    std::shared_ptr<const ir::Module> module = source->program;
    if (module == nullptr) {
      CompiledFile compiled = CompileGraph(*std::move(source));
      if (!compiled.ok) return context.FailInvalid(compiled.diagnostics);
      module = compiled.result.module;
    }
    for (const std::string& path : {weights_, inputs_}) {
      if (!FileExists(path)) {
        return context.Fail(absl::NotFoundError(fmt::format("{}: no such file", path)));
      }
    }
    trainer::v1::RunForward request;
    *request.mutable_ir() = ir::ToProto(*module);
    request.set_weights_path(weights_);
    request.set_inputs_path(inputs_);
    request.set_outputs_path(out_);
    request.set_train_mode(train_mode_);
    request.set_seed(seed_);
    auto finished = worker::RunForwardOnce(request, absl::Seconds(timeout_));
    if (!finished.ok()) return context.Fail(finished.status());
    if (finished->outcome() != trainer::v1::Finished::OUTCOME_SUCCEEDED) {
      const bool user = finished->outcome() == trainer::v1::Finished::OUTCOME_FAILED_USER;
      return context.Fail(user ? kInvalid : kFailure, user ? "DATA_INVALID" : "RUN_FAILED",
                          finished->reason());
    }
    return Report(context, *finished);
  }

 private:
  static void Path(Arguments* arguments, std::string names, std::string* target, std::string doc) {
    Argument& argument = arguments->Add(std::move(names), target, std::move(doc));
    argument.value_name = "PATH";
    argument.required = true;
  }

  int Report(Context& context, const trainer::v1::Finished& finished) const {
    Json outputs = Json::array();
    Table table({"output", "type"});
    for (const trainer::v1::OutputSpec& output : finished.outputs()) {
      Json entry = {{"name", output.name()}};
      entry.update(SpecJson(output.spec()));
      outputs.push_back(std::move(entry));
      table.Row({output.name(), ShapeText(output.spec())});
    }
    if (context.format() == Format::kText) {
      context.Print(table.Text());
      context.Print(fmt::format("{:.3f} ms, written to {}\n", finished.seconds() * 1e3, out_));
    } else {
      context.PrintDocument({{"outputs", std::move(outputs)}, {"seconds", finished.seconds()}});
    }
    return kOk;
  }

  std::string file_, weights_, inputs_, out_;
  bool train_mode_ = false;
  uint64_t seed_ = 0;
  int timeout_ = 600;
  GraphFlags flags_;
};

}  // namespace

void AddRun(CommandList* commands) { commands->push_back(std::make_unique<RunGraph>()); }

}  // namespace graphkiln::cli
