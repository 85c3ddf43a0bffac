// kiln init FILE --seed S -O W.safetensors: initial weights under state_dict keys, the same bytes
// that a trainer starts from.
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/ir/initialize.h"
#include "common/tensors/safetensors.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr int64_t kMaxTotalBytes = 64ll << 30;

std::optional<tensors::DType> StoredType(v1::DataType dtype) {
  switch (dtype) {
    case v1::DATA_TYPE_FLOAT32:
      return tensors::DType::kF32;
    case v1::DATA_TYPE_FLOAT64:
      return tensors::DType::kF64;
    case v1::DATA_TYPE_FLOAT16:
      return tensors::DType::kF16;
    case v1::DATA_TYPE_BFLOAT16:
      return tensors::DType::kBF16;
    case v1::DATA_TYPE_INT64:
      return tensors::DType::kI64;
    case v1::DATA_TYPE_INT32:
      return tensors::DType::kI32;
    case v1::DATA_TYPE_INT16:
      return tensors::DType::kI16;
    case v1::DATA_TYPE_INT8:
      return tensors::DType::kI8;
    case v1::DATA_TYPE_UINT8:
      return tensors::DType::kU8;
    case v1::DATA_TYPE_BOOL:
      return tensors::DType::kBool;
    default:
      return std::nullopt;
  }
}

struct InitialWeights {
  std::vector<std::string> storage;
  std::vector<tensors::NamedTensor> tensors;
};

absl::StatusOr<InitialWeights> MakeWeights(const v1::IrModule& module, uint64_t seed) {
  InitialWeights weights;
  weights.storage.reserve(static_cast<size_t>(module.parameters_size()));
  int64_t total = 0;
  for (const v1::IrParameter& parameter : module.parameters()) {
    if (!parameter.persistent()) continue;
    const auto dtype = StoredType(parameter.spec().dtype());
    if (!dtype) {
      return absl::InvalidArgumentError(
          fmt::format("{} has an element type that safetensors cannot hold", parameter.key()));
    }
    ASSIGN_OR_RETURN(const int64_t bytes, ir::ParameterBytes(parameter));
    total += bytes;
    if (bytes > kMaxTotalBytes || total > kMaxTotalBytes) {
      return absl::ResourceExhaustedError("the weights are larger than 64 GiB");
    }
    std::string& values = weights.storage.emplace_back(static_cast<size_t>(bytes), '\0');
    RETURN_IF_ERROR(
        Annotate(ir::FillInitial(parameter, seed, absl::Span<char>(values.data(), values.size())),
                 parameter.key()));
    tensors::NamedTensor& tensor = weights.tensors.emplace_back();
    tensor.name = parameter.key();
    tensor.tensor.dtype = *dtype;
    for (const v1::Dim& dim : parameter.spec().shape()) tensor.tensor.shape.push_back(dim.size());
    tensor.tensor.bytes = values;
  }
  return weights;
}

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
    auto weights = MakeWeights(ir::ToProto(*compiled->result.module), seed_);
    if (!weights.ok()) return context.Fail(weights.status());
    auto bytes = tensors::SerializeSafetensors(weights->tensors, {});
    if (!bytes.ok()) return context.Fail(bytes.status());
    if (absl::Status status = WriteFileAtomic(out_, *bytes); !status.ok()) {
      return context.Fail(status);
    }
    const std::string sha256 = Sha256Hex(*bytes);
    if (context.format() == Format::kText) {
      context.Print(fmt::format("{}: {} tensors, {} bytes, sha256 {}\n", out_,
                                weights->tensors.size(), bytes->size(), sha256));
    } else {
      context.PrintDocument(
          {{"tensors", weights->tensors.size()}, {"bytes", bytes->size()}, {"sha256", sha256}});
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
