#include "services/worker/trainer/checkpoint.h"

#include <ATen/ATen.h>

#include "common/base/hash.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;

struct Trial {
  explicit Trial(uint64_t seed)
      : parameters(*Parameters::Create(ClassifierProgram(4, 5, 3, 0), c10::Device(c10::kCPU))) {
    EXPECT_TRUE(parameters.Initialise(seed).ok());
    job.set_seed(9);
    job.mutable_optimizer()->set_type("Adam");
    optimizer = *Optimizer::Create(job.optimizer(), parameters.Trainable());
  }
  CheckpointParts parts() { return {&job, &parameters, optimizer.get()}; }

  api::JobSpec job;
  Parameters parameters;
  std::unique_ptr<Optimizer> optimizer;
};

Progress SomeProgress() {
  Progress progress;
  progress.step = 12;
  progress.epochs_done = 2;
  progress.position = 32;
  progress.loss_sum = 0.1 + 0.2;
  progress.loss_rows = 32;
  progress.train_seconds = 1.5;
  progress.best = 1.0 / 3;
  progress.metrics = {{"val_loss", 0.7}};
  return progress;
}

TEST(CheckpointTest, RestoresEveryPart) {
  TempDir dir;
  Trial from(1);
  for (const NamedTensor& item : from.optimizer->State()) {
    at::Tensor tensor = item.tensor;
    tensor.fill_(0.25);
  }
  at::manual_seed(77);
  at::rand({10});
  const auto written = WriteCheckpoint(dir.file("c"), from.parts(), SomeProgress(), Normalizer());
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->step(), 12);
  EXPECT_EQ(written->sha256(), Sha256Hex(*ReadFile(dir.file("c"), 1 << 20)));
  const at::Tensor next = at::rand({10});

  Trial to(2);
  const auto restored = RestoreCheckpoint(dir.file("c"), to.parts());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->progress, SomeProgress());
  EXPECT_TRUE(at::rand({10}).equal(next)) << "the generator goes on where it stood";
  for (size_t i = 0; i < from.parameters.tensors().size(); ++i) {
    EXPECT_TRUE(to.parameters.tensors()[i].equal(from.parameters.tensors()[i]));
  }
  for (const NamedTensor& item : to.optimizer->State()) {
    EXPECT_EQ(item.tensor.min().item<double>(), 0.25) << item.name;
  }
}

TEST(CheckpointTest, IsAlsoAFileOfWeights) {
  TempDir dir;
  Trial from(1);
  ASSERT_TRUE(WriteCheckpoint(dir.file("c"), from.parts(), SomeProgress(), Normalizer()).ok());
  Trial to(2);
  to.job.set_seed(10);  // of another job
  ASSERT_FALSE(to.parameters.tensors()[0].equal(from.parameters.tensors()[0]));
  const absl::Status loaded = to.parameters.Load(dir.file("c"));
  ASSERT_TRUE(loaded.ok()) << loaded;
  for (size_t i = 0; i < from.parameters.tensors().size(); ++i) {
    EXPECT_TRUE(to.parameters.tensors()[i].equal(from.parameters.tensors()[i]));
  }
}

TEST(CheckpointTest, RefusesOtherJobsAndDamage) {
  TempDir dir;
  Trial from(1);
  ASSERT_TRUE(WriteCheckpoint(dir.file("c"), from.parts(), SomeProgress(), Normalizer()).ok());
  Trial other(1);
  other.job.set_seed(10);
  EXPECT_THAT(std::string(RestoreCheckpoint(dir.file("c"), other.parts()).status().message()),
              HasSubstr("CHECKPOINT_INVALID: it belongs to another job"));
  const std::string bytes = *ReadFile(dir.file("c"), 1 << 20);
  ASSERT_TRUE(WriteFileAtomic(dir.file("short"), bytes.substr(0, bytes.size() / 2)).ok());
  Trial same(1);
  EXPECT_THAT(std::string(RestoreCheckpoint(dir.file("short"), same.parts()).status().message()),
              HasSubstr("CHECKPOINT_INVALID"));
  ASSERT_TRUE(same.parameters.Save(dir.file("weights"), {}).ok());
  EXPECT_THAT(std::string(RestoreCheckpoint(dir.file("weights"), same.parts()).status().message()),
              HasSubstr("no checkpoint"));
  EXPECT_FALSE(RestoreCheckpoint(dir.file("absent"), same.parts()).ok());
}

}  // namespace
}  // namespace graphkiln::trainer
