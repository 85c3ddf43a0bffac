#include <gtest/gtest.h>

#include "absl/container/flat_hash_set.h"
#include "common/ir/op_def.h"

namespace graphkiln::ir {
namespace {

TEST(OpTable, SchemasAreRead) {
  const OpDef* conv = FindOp("aten.conv2d.default");
  ASSERT_NE(conv, nullptr);
  ASSERT_EQ(conv->args.size(), 7u);
  EXPECT_EQ(conv->args[3].name, "stride");
  EXPECT_EQ(conv->args[3].type, SchemaArg::Type::kIntList);
  EXPECT_TRUE(conv->args[2].optional);
  EXPECT_EQ(*conv->args[6].default_value.As<int64_t>(), 1);
  EXPECT_FALSE(conv->mutates);
  const OpDef* norm = FindOp("aten.batch_norm.default");
  ASSERT_NE(norm, nullptr);
  EXPECT_TRUE(norm->mutates);
  EXPECT_TRUE(norm->args[3].written);
  const OpDef* lstm = FindOp("aten.lstm.input");
  ASSERT_NE(lstm, nullptr);
  EXPECT_EQ(lstm->num_returns, 3);
  EXPECT_EQ(lstm->args[1].type, SchemaArg::Type::kTensorList);
  EXPECT_EQ(*FindOp("aten.mse_loss.default")->args[2].default_value.As<int64_t>(), 1);
}

TEST(OpTable, EveryEntryIsComplete) {
  for (const OpDef* op : AllOps()) {
    EXPECT_NE(op->infer, nullptr) << op->name;
    EXPECT_FALSE(op->args.empty()) << op->name;
    absl::flat_hash_set<std::string> labels;
    for (const Rule& rule : op->rules) {
      EXPECT_TRUE(labels.insert(std::string(rule.label)).second) << op->name << " " << rule.label;
      EXPECT_FALSE(rule.text.empty()) << rule.label;
    }
  }
}

TEST(OpTable, OthersAreNotAllowed) {
  EXPECT_EQ(FindOp("aten.from_file.default"), nullptr);
  EXPECT_EQ(FindOp("aten.conv2d"), nullptr);
  EXPECT_EQ(FindOp(""), nullptr);
}

}  // namespace
}  // namespace graphkiln::ir
