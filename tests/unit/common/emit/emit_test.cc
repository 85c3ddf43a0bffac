// Golden files: every graph of templates/models and tests/golden/graphs through every target.
// KILN_UPDATE_GOLDEN=1 writes them anew.
#include "common/emit/emit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "common/base/file.h"
#include "common/base/resources.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::emit {
namespace {

using ::testing::HasSubstr;

const std::string kRoot = ResourceDir();

// Stems of the graph files of a folder.
std::vector<std::string> Graphs(const std::string& folder) {
  std::vector<std::string> stems;
  const auto files = ListDir(kRoot + "/" + folder);
  EXPECT_TRUE(files.ok()) << files.status().ToString();
  if (!files.ok()) return stems;
  for (const std::string& file : *files) {
    const size_t end = file.find(".kiln.yaml");
    if (end != std::string::npos) stems.push_back(folder + "/" + file.substr(0, end));
  }
  std::sort(stems.begin(), stems.end());
  return stems;
}

std::vector<std::string> AllGraphs() {
  std::vector<std::string> all = Graphs("templates/models");
  for (std::string& stem : Graphs("tests/golden/graphs")) all.push_back(std::move(stem));
  return all;
}

v1::Graph Read(const std::string& stem) {
  const auto text = ReadFile(kRoot + "/" + stem + ".kiln.yaml", 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  return compiler::ReadOrDie(text.ok() ? *text : "");
}

void CompareGolden(const std::string& path, const std::string& content) {
  if (std::getenv("KILN_UPDATE_GOLDEN") != nullptr) {
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return;
  }
  const auto golden = ReadFile(path, 16 << 20);
  ASSERT_TRUE(golden.ok()) << path << " is missing; KILN_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(content, *golden) << path << " differs; KILN_UPDATE_GOLDEN=1 accepts the change";
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, EqualsTheFile) {
  const v1::Graph graph = Read(GetParam());
  const compiler::CompileResult compiled = compiler::Compile(graph);
  ASSERT_TRUE(compiled.ok) << compiler::Findings(compiled);
  const std::string stem = GetParam().substr(GetParam().rfind('/') + 1);
  for (const auto& [target, path] : {std::pair{"python", "/tests/golden/python/" + stem + ".py"},
                                     std::pair{"ir", "/tests/golden/ir/" + stem + ".ir.txt"}}) {
    const auto files = Generate(graph, compiled, target);
    ASSERT_TRUE(files.ok()) << files.status().ToString();
    ASSERT_EQ(files->size(), 1u);
    CompareGolden(kRoot + path, files->front().content());
    // The same bytes from another run of the compiler.
    EXPECT_EQ(Generate(graph, compiler::Compile(graph), target)->front().content(),
              files->front().content());
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, Golden, ::testing::ValuesIn(AllGraphs()), [](const auto& info) {
  return info.param.substr(info.param.rfind('/') + 1);
});

TEST(Emit, UnknownTargetNamesThoseThatExist) {
  const v1::Graph graph = Read("templates/models/iris_mlp");
  const auto files = Generate(graph, compiler::Compile(graph), "fortran");
  EXPECT_EQ(files.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("ir, ir-json, python"));
}

TEST(Emit, GraphWithErrorsIsRefused) {
  const v1::Graph graph =
      compiler::ReadOrDie("graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {}\noutputs: {}\n");
  EXPECT_EQ(Generate(graph, compiler::Compile(graph), "python").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Emit, IrJsonReadsBackAsTheProgram) {
  const v1::Graph graph = Read("templates/models/small_resnet");
  const auto files = Generate(graph, compiler::Compile(graph), "ir-json");
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->front().path(), "small_resnet.ir.json");
  EXPECT_THAT(files->front().content(), HasSubstr("\"aten.conv2d.default\""));
}

TEST(Emit, TargetsAreOrderedAndDescribed) {
  std::string_view last;
  for (const TargetInfo& info : Targets()) {
    EXPECT_LT(last, info.name);
    EXPECT_FALSE(info.doc.empty());
    last = info.name;
  }
}

}  // namespace
}  // namespace graphkiln::emit
