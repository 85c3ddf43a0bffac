#include "common/base/text_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/status_matchers.h"

namespace graphkiln {
namespace {

using ::testing::HasSubstr;
using Kind = TextNode::Kind;

TextNode Read(std::string_view text, const TextLimits& limits = {}) {
  absl::StatusOr<TextNode> node = ReadText(text, limits, nullptr);
  EXPECT_TRUE(node.ok()) << node.status();
  return node.ok() ? *std::move(node) : TextNode();
}

// Expects a failure at line:column whose message holds `message`.
void ExpectError(std::string_view text, int line, int column, std::string_view message,
                 const TextLimits& limits = {}) {
  TextError error;
  const absl::StatusOr<TextNode> node = ReadText(text, limits, &error);
  ASSERT_FALSE(node.ok()) << text.substr(0, 200);
  EXPECT_EQ(node.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(error.pos.line, line) << error.message;
  EXPECT_EQ(error.pos.column, column) << error.message;
  EXPECT_THAT(error.message, HasSubstr(std::string(message)));
  EXPECT_LT(error.message.size(), 500u);
}

TEST(ReadTextYaml, KeepsOrderKindsAndPositions) {
  const TextNode root = Read(
      "graphkiln: 1\n"
      "name: iris_mlp\n"
      "inputs: {x: {dtype: float32, shape: [B, 4]}}\n"
      "nodes:\n"
      "  fc1: {type: Linear, params: {p: 0.5, bias: true, none: null}}\n");
  ASSERT_TRUE(root.IsMap());
  ASSERT_EQ(root.entries.size(), 4u);
  EXPECT_EQ(root.entries[0].key, "graphkiln");
  EXPECT_EQ(root.Find("graphkiln")->i, 1);
  EXPECT_EQ(root.Find("name")->s, "iris_mlp");
  EXPECT_EQ(root.Find("name")->pos, (TextPos{2, 7}));
  const TextNode* shape = root.Find("inputs")->Find("x")->Find("shape");
  ASSERT_TRUE(shape->IsList());
  EXPECT_EQ(shape->items[0].s, "B");
  EXPECT_EQ(shape->items[1].i, 4);
  EXPECT_EQ(shape->items[1].pos, (TextPos{3, 41}));
  const TextEntry& fc1 = root.Find("nodes")->entries[0];
  EXPECT_EQ(fc1.key_pos, (TextPos{5, 3}));
  const TextNode* params = fc1.value.Find("params");
  EXPECT_DOUBLE_EQ(params->Find("p")->d, 0.5);
  EXPECT_TRUE(params->Find("bias")->b);
  EXPECT_TRUE(params->Find("none")->IsNull());
  EXPECT_EQ(root.Find("missing"), nullptr);
}

TEST(ReadTextYaml, ScalarsFollowTheCoreSchema) {
  const TextNode root = Read(
      "- true\n- False\n- ~\n- null\n-\n- 12\n- -3\n- +7\n- 0x1F\n- 0o17\n- 1.5\n- .5\n- 1e-3\n"
      "- -.inf\n- .nan\n- '12'\n- \"true\"\n- yes\n- 1.2.3\n- 0b1\n- 012\n- !!str 5\n- !!float 5\n"
      "- 2024-01-01\n- 3.\n");
  ASSERT_EQ(root.items.size(), 25u);
  const auto& items = root.items;
  EXPECT_EQ(items[0].b, true);
  EXPECT_EQ(items[1].kind, Kind::kBool);
  EXPECT_EQ(items[1].b, false);
  EXPECT_TRUE(items[2].IsNull());
  EXPECT_TRUE(items[3].IsNull());
  EXPECT_TRUE(items[4].IsNull());
  EXPECT_EQ(items[5].i, 12);
  EXPECT_EQ(items[6].i, -3);
  EXPECT_EQ(items[7].i, 7);
  EXPECT_EQ(items[8].i, 31);
  EXPECT_EQ(items[9].i, 15);
  EXPECT_DOUBLE_EQ(items[10].d, 1.5);
  EXPECT_DOUBLE_EQ(items[11].d, 0.5);
  EXPECT_DOUBLE_EQ(items[12].d, 1e-3);
  EXPECT_EQ(items[13].d, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(items[14].d));
  EXPECT_EQ(items[15].s, "12");
  EXPECT_EQ(items[16].s, "true");
  EXPECT_EQ(items[17].s, "yes");
  EXPECT_EQ(items[18].s, "1.2.3");
  EXPECT_EQ(items[19].s, "0b1");
  EXPECT_EQ(items[20].i, 12);
  EXPECT_EQ(items[21].s, "5");
  EXPECT_DOUBLE_EQ(items[22].d, 5.0);
  EXPECT_EQ(items[22].kind, Kind::kDouble);
  EXPECT_EQ(items[23].s, "2024-01-01");
  EXPECT_DOUBLE_EQ(items[24].d, 3.0);
}

TEST(ReadTextYaml, BlockScalarsAndOddKeys) {
  const TextNode root = Read("doc: |\n  line [ one\n  line two\n1: a\ntrue: b\n~: c\nnull: d\n");
  EXPECT_EQ(root.Find("doc")->s, "line [ one\nline two\n");
  EXPECT_EQ(root.Find("1")->s, "a");
  EXPECT_EQ(root.Find("true")->s, "b");
  EXPECT_EQ(root.Find("~")->s, "c");
  EXPECT_EQ(root.Find("null")->s, "d");
}

TEST(ReadTextYaml, AnchorsAliasesAndMergeKeys) {
  const TextNode root = Read(
      "base: &b {a: 1, k: 2}\n"
      "more: &m {c: 9}\n"
      "one: {<<: *b, k: 3}\n"
      "two: {k: 4, <<: [*b, *m]}\n"
      "same: *b\n"
      "quoted: {'<<': 1}\n");
  EXPECT_EQ(root.Find("one")->Find("a")->i, 1);
  EXPECT_EQ(root.Find("one")->Find("k")->i, 3);
  EXPECT_EQ(root.Find("two")->Find("k")->i, 4);
  EXPECT_EQ(root.Find("two")->Find("c")->i, 9);
  EXPECT_EQ(root.Find("same")->Find("k")->i, 2);
  EXPECT_EQ(root.Find("same")->pos, (TextPos{5, 7}));
  EXPECT_EQ(root.Find("quoted")->Find("<<")->i, 1);
}

TEST(ReadTextYaml, EmptyTextIsNull) {
  EXPECT_TRUE(Read("").IsNull());
  EXPECT_TRUE(Read("# only a comment\n").IsNull());
  EXPECT_EQ(Read("\xef\xbb\xbf"
                 "a: 1")
                .Find("a")
                ->pos,
            (TextPos{1, 4}));
}

TEST(ReadTextYaml, ErrorsAreLocated) {
  ExpectError("a: 1\nb: 2\na: 3\n", 3, 1, "duplicate key \"a\", first used in line 1");
  ExpectError("a: [1, 2\nb: 3\n", 2, 2, "");
  ExpectError("a: 99999999999999999999\n", 1, 4, "does not fit 64 bits");
  ExpectError("a: *nowhere\n", 1, 4, "anchor is not defined");
  ExpectError("a: &x [1, *x]\n", 1, 11, "inside its own anchor");
  ExpectError("a: !custom 1\n", 1, 4, "is not supported");
  ExpectError("a: !!int x\n", 1, 4, "does not fit the tag");
  ExpectError("? [1, 2]\n: 3\n", 1, 3, "cannot be a key");
  ExpectError("a: 1\n---\nb: 2\n", 2, 1, "more than one document");
  ExpectError("a: {<<: 5}\n", 1, 9, "merge key");
}

TEST(ReadTextYaml, BadBytesAreLocated) {
  ExpectError("a: 1\nb: \xff\n", 2, 4, "not valid UTF-8");
  ExpectError(std::string_view("a: 1\n\0b", 7), 2, 1, "control character 0x00");
  ExpectError("a: \x04 b", 1, 4, "control character 0x04");
}

TEST(ReadTextYaml, ManyKeysFindDuplicates) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(Read(text).entries.size(), 5000u);
  ExpectError(text + "key4321: 2\n", 5001, 1, "duplicate key");
}

TEST(ReadTextJson, ValuesAndPositions) {
  const TextNode root = Read(
      "{\n"
      "  \"name\": \"a\\u00e4\\n\",\n"
      "  \"list\": [1, -2.5e3, true, null, {}, []],\n"
      "  \"k\\\"ey\" : {\"deep\":false}\n"
      "}\n");
  EXPECT_EQ(root.pos, (TextPos{1, 1}));
  EXPECT_EQ(root.Find("name")->s, "aä\n");
  EXPECT_EQ(root.Find("name")->pos, (TextPos{2, 11}));
  const TextNode* list = root.Find("list");
  EXPECT_EQ(list->pos, (TextPos{3, 11}));
  EXPECT_EQ(list->items[0].pos, (TextPos{3, 12}));
  EXPECT_EQ(list->items[1].pos, (TextPos{3, 15}));
  EXPECT_DOUBLE_EQ(list->items[1].d, -2500.0);
  EXPECT_EQ(list->items[2].pos, (TextPos{3, 23}));
  EXPECT_TRUE(list->items[3].IsNull());
  EXPECT_EQ(list->items[4].pos, (TextPos{3, 35}));
  EXPECT_TRUE(list->items[5].IsList());
  EXPECT_EQ(root.entries[2].key, "k\"ey");
  EXPECT_EQ(root.entries[2].key_pos, (TextPos{4, 3}));
  EXPECT_EQ(root.Find("k\"ey")->Find("deep")->pos, (TextPos{4, 21}));
  EXPECT_EQ(Read("[9223372036854775807, -9223372036854775808]").items[1].i, INT64_MIN);
}

TEST(ReadTextYaml, FlowStyleBeginsLikeJson) {
  for (const char* text :
       {"{a: 1, b: [x, 'y']}", "{\n# a note\n  a: 1, b: [x, \"y\"], }", "  {'a': 1, b: [x, y]}"}) {
    const TextNode root = Read(text);
    ASSERT_TRUE(root.IsMap()) << text;
    EXPECT_EQ(root.Find("a")->i, 1) << text;
    EXPECT_EQ(root.Find("b")->items[1].s, "y") << text;
  }
  ExpectError("{a: 1,\n b: ]", 2, 5, "");
}

TEST(ReadTextJson, ErrorsAreLocated) {
  ExpectError("{\"a\": 1,\n \"a\": 2}", 2, 2, "duplicate key");
  ExpectError("{\"a\": 1,\n b: 2}", 2, 2, "not valid JSON");
  ExpectError("{\"a\": 1} x", 1, 10, "not valid JSON");
  ExpectError("[18446744073709551615]", 1, 2, "does not fit 64 bits");
  ExpectError("[1,\n 99999999999999999999999]", 2, 2, "does not fit 64 bits");
  ExpectError("[\"" + std::string(1'000'000, 'x'), 1, 1'000'002, "not valid JSON");
}

TEST(ReadTextLimits, BytesEventsAndDepth) {
  TextLimits limits;
  limits.max_bytes = 10;
  ExpectError("a: 12345678", 1, 1, "limit of 10 B", limits);
  limits = {};
  limits.max_events = 5;
  ExpectError("- 1\n- 2\n- 3\n- 4\n- 5\n- 6\n", 5, 3, "more than 5 values", limits);
  ExpectError("[1, 2, 3, 4, 5]", 1, 14, "more than 5 values", limits);
  limits = {};
  limits.max_depth = 3;
  EXPECT_TRUE(Read("a: {b: [1]}", limits).IsMap());
  ExpectError("a: {b: [[1]]}", 1, 9, "nested more than 3", limits);
  ExpectError("[[[[1]]]]", 1, 4, "nested more than 3", limits);
}

TEST(ReadTextHostile, DeepNestingIsRefusedNotRecursed) {
  ExpectError(std::string(1'000'000, '['), 1, 65, "nested more than 64");
  ExpectError("a: " + std::string(100'000, '[') + std::string(100'000, ']'), 1, 67,
              "nested more than 64");
  ExpectError("a: " + std::string(1'000'000, '['), 1, 5, "nested more than 64");
  ExpectError("a: " + std::string(1'000'000, '{'), 1, 5, "nested more than 64");
  ExpectError("a: [[1, 2\nb: 3\n", 2, 2, "end of sequence flow not found");
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += "{\"a\":";
  ExpectError(objects, 1, 321, "nested more than 64");
  std::string dashes;
  for (int i = 0; i < 300'000; ++i) dashes += "- ";
  ExpectError(dashes, 1, 129, "nested more than 64");
  std::string indents;
  for (int i = 0; i < 1000; ++i) indents += std::string(i, ' ') + "a:\n";
  ExpectError(indents, 65, 65, "nested more than 64");
  std::string questions;
  for (int i = 0; i < 300'000; ++i) questions += "? ";
  TextError error;
  EXPECT_FALSE(ReadText(questions, {}, &error).ok());
}

TEST(ReadTextHostile, AliasBombIsRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + previous;
    for (int k = 0; k < 8; ++k) bomb += ", " + previous;
    bomb += "]\n";
  }
  TextError error;
  EXPECT_FALSE(ReadText(bomb, {}, &error).ok());
  EXPECT_THAT(error.message, HasSubstr("expand to more than"));
}

TEST(ReadTextHostile, LargeStringsTimesManyAliasesAreRefused) {
  std::string bomb = "s: &s " + std::string(1 << 20, 'x') + "\nl:\n";
  for (int i = 0; i < 1000; ++i) bomb += "- *s\n";
  TextError error;
  EXPECT_FALSE(ReadText(bomb, {}, &error).ok());
  EXPECT_THAT(error.message, HasSubstr("expand to more than"));
}

TEST(ReadTextHostile, AliasesCountForDepth) {
  TextLimits limits;
  limits.max_depth = 4;
  EXPECT_TRUE(Read("a: &a [[1]]\nb: [*a]\n", limits).IsMap());
  ExpectError("a: &a [[1]]\nb: [[*a]]\n", 2, 6, "nested more than 4", limits);
}

TEST(ReadTextHostile, HugeFlowCollectionsAreRefusedBeforeTheyAreScanned) {
  std::string text = "a: [";
  for (int i = 0; i < 5'000'000; ++i) text += ",";
  ExpectError(text, 1, 1, "brackets and commas");
}

TEST(ReadTextHostile, HugeLinesTakeBoundedTime) {
  const std::string line(4 << 20, 'x');
  EXPECT_EQ(Read("a: " + line).Find("a")->s.size(), line.size());
  EXPECT_EQ(Read("a: '" + line + "'").Find("a")->s.size(), line.size());
  EXPECT_EQ(Read("# " + line + "\na: 1\n").Find("a")->i, 1);
}

TEST(TextNode, DescribesItselfForMessages) {
  const TextNode root = Read("[1, 2.5, \"a\\nb\", [], {}, null, true]");
  EXPECT_EQ(root.items[0].Describe(), "1");
  EXPECT_EQ(root.items[1].Describe(), "2.5");
  EXPECT_EQ(root.items[2].Describe(), "\"a\\nb\"");
  EXPECT_EQ(root.items[3].Describe(), "a list");
  EXPECT_EQ(root.items[4].KindName(), "a map");
  EXPECT_EQ(root.items[5].Describe(), "null");
  EXPECT_EQ(root.items[6].Describe(), "true");
}

}  // namespace
}  // namespace graphkiln
