#include "common/emit/python/names.h"

#include <gtest/gtest.h>

namespace graphkiln::emit::python {
namespace {

TEST(Names, ClassesAreNamedAfterTheGraph) {
  EXPECT_EQ(ClassName("iris_mlp"), "IrisMlp");
  EXPECT_EQ(ClassName("ResNet-18"), "ResNet18");
  EXPECT_EQ(ClassName("2net"), "N2net");
  EXPECT_EQ(ClassName(""), "Model");
  EXPECT_EQ(ClassName("none"), "NoneModel");
  EXPECT_EQ(ClassName("tensor"), "TensorModel");
  EXPECT_EQ(FileStem("iris mlp/../x"), "iris_mlp_x");
  EXPECT_EQ(FileStem(""), "model");
}

TEST(Names, LiteralsAreAsciiAndCannotEnd) {
  EXPECT_EQ(StringLiteral("plain"), "\"plain\"");
  EXPECT_EQ(StringLiteral("a\"b"), "'a\"b'");
  EXPECT_EQ(StringLiteral("it's \"x\""), "'it\\'s \"x\"'");
  EXPECT_EQ(StringLiteral("a\\\n\r\x7f"), "\"a\\\\\\n\\x0d\\x7f\"");
  EXPECT_EQ(StringLiteral("\xe6\x97\xa5"), "\"\\u65e5\"");
  EXPECT_EQ(StringLiteral("\xf0\x9f\x94\xa5"), "\"\\U0001f525\"");
  EXPECT_EQ(StringLiteral("\xff\xfe"), "\"\\ufffd\\ufffd\"");
}

TEST(Names, CommentsStayOnOneLineAndShowWhatIsThere) {
  EXPECT_EQ(CommentText("a\nb\r\xe2\x80\xa8"
                        "c"),
            "a\\x0ab\\x0d\\u2028c");
  EXPECT_EQ(CommentText("\xe2\x80\xae"
                        "evil"),
            "\\u202eevil");  // right-to-left override
  EXPECT_EQ(CommentText("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(CommentText("0123456789", 4), "0123...");
}

TEST(Names, TablesHandOutDifferentNames) {
  NameTable names;
  EXPECT_EQ(names.Take("x"), "x");
  EXPECT_EQ(names.Take("x"), "x_2");
  EXPECT_EQ(names.Take("x_2"), "x_2_2");
  EXPECT_EQ(names.Take("l"), "l_");
  EXPECT_EQ(names.Take("torch"), "torch_2");
  EXPECT_EQ(names.Take("noqa"), "noqa_2");
  EXPECT_EQ(names.Take("Block", ""), "Block");
  EXPECT_EQ(names.Take("Block", ""), "Block2");
}

TEST(Names, ValuesAsPythonWritesThem) {
  v1::Value value;
  value.set_double_value(0.1);
  EXPECT_EQ(ValueLiteral(value), "0.1");
  value.set_string_value("a'");
  EXPECT_EQ(ValueLiteral(value), "\"a'\"");
  value.mutable_list_value()->add_values()->set_int_value(-3);
  EXPECT_EQ(ValueLiteral(value), "(-3,)");
  EXPECT_EQ(ValueLiteral(nodes::ParamValue(std::vector<int64_t>{1, 2})), "(1, 2)");
}

}  // namespace
}  // namespace graphkiln::emit::python
