#include "services/worker/trainer/parameters.h"

#include <ATen/ATen.h>

#include "common/ir/initialize.h"
#include "services/worker/trainer/tensor_file.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);

api::IrModule WithBuffer() {
  api::IrModule ir = ClassifierProgram(3, 4, 2, 0);
  api::IrParameter* buffer = ir.add_parameters();
  buffer->set_key("scratch");
  buffer->set_buffer(true);
  buffer->mutable_spec()->set_dtype(api::DATA_TYPE_FLOAT32);
  buffer->mutable_init()->set_kind(api::IrInitializer::KIND_CONSTANT);
  buffer->mutable_init()->set_value(2.5);
  return ir;
}

TEST(ParametersTest, FirstValuesAreThoseOfKilnInit) {
  const api::IrModule ir = WithBuffer();
  auto parameters = *Parameters::Create(ir, kCpu);
  ASSERT_TRUE(parameters.Initialise(11).ok());
  for (int i = 0; i < ir.parameters_size(); ++i) {
    const at::Tensor& tensor = parameters.tensors()[static_cast<size_t>(i)];
    std::string bytes(tensor.nbytes(), '\0');
    ASSERT_TRUE(ir::FillInitial(ir.parameters(i), 11, absl::MakeSpan(bytes)).ok());
    EXPECT_EQ(bytes, std::string(static_cast<const char*>(tensor.const_data_ptr()), bytes.size()));
  }
}

TEST(ParametersTest, OnlyParametersTrainAndOnlyPersistentOnesAreSaved) {
  auto parameters = *Parameters::Create(WithBuffer(), kCpu);
  EXPECT_EQ(parameters.All().size(), 5u);
  EXPECT_EQ(parameters.Persistent().size(), 4u);
  EXPECT_EQ(parameters.Trainable().size(), 4u);
  EXPECT_EQ(parameters.trainable_elements(), 3 * 4 + 4 + 4 * 2 + 2);
}

TEST(ParametersTest, SavedWeightsLoadBackExactlyAndKeepTheirMetadata) {
  TempDir dir;
  auto from = *Parameters::Create(WithBuffer(), kCpu);
  ASSERT_TRUE(from.Initialise(1).ok());
  ASSERT_TRUE(from.Save(dir.file("w"), {{"graphkiln.step", "7"}}).ok());
  EXPECT_EQ(tensors::SafetensorsFile::Open(dir.file("w"))->metadata().at("graphkiln.step"), "7");
  auto to = *Parameters::Create(WithBuffer(), kCpu);
  ASSERT_TRUE(to.Load(dir.file("w")).ok());
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(to.tensors()[i].equal(from.tensors()[i]));
}

TEST(ParametersTest, WeightsOfAnotherModelChangeNothing) {
  TempDir dir;
  auto other = *Parameters::Create(ClassifierProgram(3, 5, 2, 0), kCpu);
  ASSERT_TRUE(other.Save(dir.file("w"), {}).ok());
  auto parameters = *Parameters::Create(WithBuffer(), kCpu);
  ASSERT_TRUE(parameters.Initialise(1).ok());
  const at::Tensor before = parameters.tensors()[0].clone();
  const absl::Status status = parameters.Load(dir.file("w"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("WEIGHTS_INVALID"));
  EXPECT_TRUE(parameters.tensors()[0].equal(before));
}

}  // namespace
}  // namespace graphkiln::trainer
