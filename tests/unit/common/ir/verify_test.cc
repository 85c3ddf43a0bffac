#include "common/ir/verify.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "common/ir/call_builder.h"
#include "common/ir/op_def.h"

namespace graphkiln::ir {
namespace {

using ::testing::HasSubstr;

Module Chain() {
  Module m;
  const ValueId x = m.AddValue({ValueKind::kTensor, {v1::DATA_TYPE_FLOAT32, {2, 4}}});
  m.inputs.push_back({"x", x});
  OpError error;
  const auto y = AppendCall(m, *FindOp("aten.relu.default"), {x}, -1, &error);
  const auto z = AppendCall(m, *FindOp("aten.tanh.default"), {(*y)[0]}, -1, &error);
  m.outputs.push_back({"z", (*z)[0]});
  return m;
}

TEST(Verify, AcceptsWhatTheBuilderMakes) { EXPECT_OK(Verify(Chain())); }

TEST(Verify, UseBeforeProduction) {
  Module m = Chain();
  std::swap(m.calls[0], m.calls[1]);
  EXPECT_THAT(Verify(m), StatusIs(absl::StatusCode::kInternal, HasSubstr("before it is produced")));
}

TEST(Verify, TwoProducers) {
  Module m = Chain();
  m.calls[1].outputs = m.calls[0].outputs;
  EXPECT_THAT(Verify(m), StatusIs(absl::StatusCode::kInternal, HasSubstr("two producers")));
}

TEST(Verify, WrongStoredType) {
  Module m = Chain();
  m.values[static_cast<size_t>(m.calls[0].outputs[0].index)].type.shape[0] = 3;
  EXPECT_THAT(Verify(m), StatusIs(absl::StatusCode::kInternal, HasSubstr("its operator gives")));
}

TEST(Verify, WrongArity) {
  Module m = Chain();
  m.calls[0].args.push_back(Argument(1));
  EXPECT_THAT(Verify(m), StatusIs(absl::StatusCode::kInternal, HasSubstr("arguments")));
}

TEST(Verify, DuplicateKeysAndOpenWeights) {
  Module m = Chain();
  for (int i = 0; i < 2; ++i) {
    const ValueId w = m.AddValue({ValueKind::kTensor, {v1::DATA_TYPE_FLOAT32, {1}}});
    m.parameters.push_back({"w", w, {}, false, true, true});
  }
  EXPECT_THAT(Verify(m), StatusIs(absl::StatusCode::kInternal, HasSubstr("twice")));
  m.parameters.pop_back();
  m.values[static_cast<size_t>(m.parameters[0].value.index)].type.shape[0] = Dim::Symbol("B");
  EXPECT_THAT(Verify(m), StatusIs(absl::StatusCode::kInternal, HasSubstr("no fixed size")));
}

}  // namespace
}  // namespace graphkiln::ir
