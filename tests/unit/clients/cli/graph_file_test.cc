#include "clients/cli/graph_file.h"

#include "gtest/gtest.h"

namespace graphkiln::cli {
namespace {

TEST(ParseInputFlag, NameDimsAndType) {
  const auto flag = ParseInputFlag("image=4x3xHx32:float16");
  ASSERT_TRUE(flag.ok());
  EXPECT_EQ(flag->name, "image");
  ASSERT_EQ(flag->spec.shape_size(), 4);
  EXPECT_EQ(flag->spec.shape(0).size(), 4);
  EXPECT_EQ(flag->spec.shape(2).symbol(), "H");
  EXPECT_EQ(flag->spec.dtype(), v1::DATA_TYPE_FLOAT16);
}

TEST(ParseInputFlag, NameAndTypeMayBeLeftOut) {
  const auto flag = ParseInputFlag("Bx10");
  ASSERT_TRUE(flag.ok());
  EXPECT_EQ(flag->name, "");
  EXPECT_EQ(flag->spec.shape_size(), 2);
  EXPECT_EQ(flag->spec.dtype(), v1::DATA_TYPE_UNSPECIFIED);
  EXPECT_EQ(ParseInputFlag("s=:int64")->spec.shape_size(), 0);
}

TEST(ParseInputFlag, RefusesNonsense) {
  for (const char* text :
       {"=3x3", "x=3x", "x=x3", "x=-3", "x=3x3:float99", "x=3 x 3;", "x=3x(", "x=3..4"}) {
    EXPECT_FALSE(ParseInputFlag(text).ok()) << text;
  }
}

constexpr std::string_view kGraph =
    "graphkiln: 1\n"
    "inputs: {x: {shape: [B, 4]}}\n"
    "nodes:\n"
    "  a: {type: Linear, in: x, params: {out_features: 2}}\n"
    "outputs: {y: a}\n";

TEST(ReadGraphBytes, InputFlagsReplaceShapes) {
  GraphFlags flags;
  flags.inputs = {"7x5"};
  auto source = ReadGraphBytes(kGraph, "g.yaml", flags);
  ASSERT_TRUE(source.ok());
  const CompiledFile compiled = CompileGraph(*std::move(source));
  ASSERT_TRUE(compiled.ok);
  EXPECT_EQ(compiled.result.nodes[0].outputs[0].dim(0).value(), 7);

  flags.inputs = {"z=7x5"};
  EXPECT_FALSE(ReadGraphBytes(kGraph, "g.yaml", flags).ok());
}

TEST(ReadGraphBytes, TellsForeignFormats) {
  for (const auto& [text, format] : std::vector<std::pair<std::string, std::string>>{
           {R"({"nodes": [], "weights": [], "inputs": [], "outputs": []})", "pytorch_ir"},
           {std::string("PK\x03\x04rest"), "pt2"},
           {std::string("\x08\x0a\x12\x07pytorch"), "onnx"}}) {
    auto source = ReadGraphBytes(text, "g", GraphFlags());
    ASSERT_TRUE(source.ok());
    ASSERT_EQ(source->diagnostics.size(), 1u) << format;
    EXPECT_EQ(source->diagnostics[0].code(), "UNSUPPORTED");
    EXPECT_EQ(source->diagnostics[0].found(), format);
    EXPECT_FALSE(CompileGraph(*std::move(source)).ok);
  }
}

TEST(ReadGraphBytes, ReadsForeignFormats) {
  for (const auto& [text, format] : std::vector<std::pair<std::string, std::string>>{
           {"modules: {a: {ReLU: }}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
            "torcharc"},
           {R"({"nodes": [{"id": "x", "type": "Input"}, {"id": "a", "type": "ReLU"}],
                "edges": [["x", "a"]], "inputs": ["x"], "outputs": ["a"]})",
            "torchcanvas"}}) {
    GraphFlags flags;
    flags.inputs = {"x=2x3"};
    auto source = ReadGraphBytes(text, "g", flags);
    ASSERT_TRUE(source.ok());
    EXPECT_EQ(source->format, format);
    EXPECT_TRUE(CompileGraph(*std::move(source)).ok) << format;
  }
}

}  // namespace
}  // namespace graphkiln::cli
