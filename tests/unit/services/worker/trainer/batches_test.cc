#include "services/worker/trainer/batches.h"

#include <ATen/ATen.h>

#include <set>

#include "services/worker/trainer/split.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

Table Numbered(int64_t rows) {
  Table table;
  table.rows = rows;
  table.names = {"x"};
  table.inputs = {at::arange(rows).to(at::kFloat).reshape({rows, 1})};
  table.target = at::arange(rows);
  return table;
}

api::DataSpec Spec(int64_t batch, bool shuffle, bool drop_last) {
  api::DataSpec spec;
  spec.set_batch_size(batch);
  spec.set_shuffle(shuffle);
  spec.set_drop_last(drop_last);
  return spec;
}

std::vector<int64_t> Targets(const Table& batch) {
  const at::Tensor flat = batch.target.contiguous();
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

TEST(BatchesTest, WithoutShuffleRowsComeInOrder) {
  Batches batches(Numbered(5), Spec(2, false, false), 1, 0);
  batches.BeginEpoch(1);
  EXPECT_EQ(batches.steps_per_epoch(), 3);
  EXPECT_EQ(Targets(batches.At(0)), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(Targets(batches.At(4)), (std::vector<int64_t>{4}));
}

TEST(BatchesTest, ShuffledBatchesFollowTheEpochsOrder) {
  Batches batches(Numbered(7), Spec(3, true, false), 9, 0);
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    batches.BeginEpoch(epoch);
    std::vector<int64_t> seen;
    for (int64_t position = 0; position < batches.rows(); position += 3) {
      const Table batch = batches.At(position);
      for (const int64_t target : Targets(batch)) seen.push_back(target);
      EXPECT_TRUE(batch.inputs[0].flatten().to(at::kLong).equal(batch.target)) << "rows stay whole";
    }
    EXPECT_EQ(seen, EpochOrder(9, epoch, 7));
  }
}

TEST(BatchesTest, DropLastAndFixedBatchesLeaveTheRestOut) {
  Batches dropped(Numbered(7), Spec(3, true, true), 1, 0);
  EXPECT_EQ(dropped.rows(), 6);
  EXPECT_EQ(dropped.steps_per_epoch(), 2);
  Batches fixed(Numbered(7), Spec(3, true, false), 1, 4);
  EXPECT_EQ(fixed.batch_size(), 4);
  EXPECT_EQ(fixed.rows(), 4);
  Batches none(Numbered(3), Spec(4, true, true), 1, 0);
  EXPECT_EQ(none.rows(), 0);
}

}  // namespace
}  // namespace graphkiln::trainer
