#include "services/worker/trainer/forward.h"

#include <ATen/ATen.h>

#include "services/worker/trainer/parameters.h"
#include "services/worker/trainer/tensor_file.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;

class ForwardTest : public ::testing::Test {
 protected:
  ForwardTest() {
    ProgramBuilder b;
    const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 2});
    const int w = b.Parameter("fc.weight", {1, 2}, 1);
    const int bias = b.Parameter("fc.bias", {1}, 1);
    const int y = b.Linear("fc", x, w, bias, {-1, 1});
    b.Output("y", y);
    b.Output("again", y);
    request_ = command_.mutable_forward();
    *request_->mutable_ir() = b.ir();
    request_->set_weights_path(dir_.file("w"));
    request_->set_inputs_path(dir_.file("i"));
    request_->set_outputs_path(dir_.file("o"));
    Write("w", {{"fc.weight", at::tensor({1.0f, 2.0f}).reshape({1, 2})},
                {"fc.bias", at::tensor({0.5f})}});
    Write("i", {{"x", at::tensor({1.0f, 1.0f, 0.0f, 2.0f}).reshape({2, 2})}});
  }

  void Write(const std::string& name, const std::vector<NamedTensor>& tensors) {
    ASSERT_TRUE(WriteTensorFile(dir_.file(name), tensors, {}).ok());
  }
  std::string Error() {
    const v1::Finished finished = FakeDaemon().Run(command_);
    EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_FAILED_USER);
    return finished.reason();
  }

  TempDir dir_;
  v1::TrainerCommand command_;
  v1::RunForward* request_;
};

TEST_F(ForwardTest, WritesEveryOutputByName) {
  const v1::Finished finished = FakeDaemon().Run(command_);
  ASSERT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  ASSERT_EQ(finished.outputs_size(), 2);
  EXPECT_EQ(finished.outputs(0).name(), "y");
  EXPECT_EQ(finished.outputs(0).spec().shape(0).size(), 2);
  const auto file = tensors::SafetensorsFile::Open(dir_.file("o"));
  ASSERT_TRUE(file.ok());
  for (const char* name : {"y", "again"}) {
    EXPECT_TRUE(CopyTensor(*file->Find(name))->equal(at::tensor({3.5f, 4.5f}).reshape({2, 1})));
  }
}

TEST_F(ForwardTest, WeightsMustFitExactly) {
  Write("w", {{"fc.weight", at::zeros({1, 3})}, {"fc.extra", at::zeros({1})}});
  const std::string error = Error();
  EXPECT_THAT(error, HasSubstr("WEIGHTS_INVALID"));
  EXPECT_THAT(error, HasSubstr("missing: \"fc.bias\""));
  EXPECT_THAT(error, HasSubstr("unexpected: \"fc.extra\""));
  EXPECT_THAT(error, HasSubstr("Float[1, 2] wanted, Float[1, 3] found"));
}

TEST_F(ForwardTest, InputsMustBeThereAndFit) {
  Write("i", {{"z", at::zeros({1, 2})}});
  EXPECT_THAT(Error(), HasSubstr("DATA_INVALID: the inputs hold no tensor \"x\""));
  Write("i", {{"x", at::zeros({1, 2})}, {"z", at::zeros({1, 2})}});
  EXPECT_THAT(Error(), HasSubstr("no input \"z\""));
  Write("i", {{"x", at::zeros({1, 5})}});
  EXPECT_THAT(Error(), HasSubstr("must be [B, 2], found [1, 5]"));
  request_->set_inputs_path(dir_.file("absent"));
  EXPECT_THAT(Error(), HasSubstr("DATA_INVALID"));
}

}  // namespace
}  // namespace graphkiln::trainer
