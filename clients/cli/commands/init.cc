// kiln init FILE --seed S -O W.safetensors: initial weights under state_dict keys, the same bytes
// that a trainer starts from.
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "clients/cli/weights.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/tensors/safetensors.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Init : public Command {
 public:
  std::string_view name() const override { return "init"; }
  std::string_view summary() const override { return "Write initial weights of a graph (local)"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph; - is stdin").required = true;
    arguments->Add("--seed", &seed_, "Seed; default 0").value_name = "S";
    Argument& out = arguments->Add("-O,--out", &out_, "The safetensors file to write");
    out.value_name = "PATH";
    out.required = true;
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (absl::Status status = CheckOutput(out_, {file_}); !status.ok()) return context.Fail(status);
    auto compiled = CompileGraphFile(file_, flags_);
    if (!compiled.ok()) return context.Fail(compiled.status());
    if (!compiled->ok) return context.FailInvalid(compiled->diagnostics);
    auto weights = Weights::Initial(ir::ToProto(*compiled->result.module), seed_);
    if (!weights.ok()) return context.Fail(weights.status());
    auto bytes = tensors::SerializeSafetensors(weights->tensors(), {});
    if (!bytes.ok()) return context.Fail(bytes.status());
    if (absl::Status status = WriteFileAtomic(out_, *bytes); !status.ok()) {
      return context.Fail(status);
    }
    const std::string sha256 = Sha256Hex(*bytes);
    if (context.format() == Format::kText) {
      context.Print(fmt::format("{}: {} tensors, {} bytes, sha256 {}\n", out_,
                                weights->tensors().size(), bytes->size(), sha256));
    } else {
      context.PrintDocument(
          {{"tensors", weights->tensors().size()}, {"bytes", bytes->size()}, {"sha256", sha256}});
    }
    return kOk;
  }

 private:
  std::string file_;
  uint64_t seed_ = 0;
  std::string out_;
  GraphFlags flags_;
};

}  // namespace

void AddInit(CommandList* commands) { commands->push_back(std::make_unique<Init>()); }

}  // namespace graphkiln::cli
