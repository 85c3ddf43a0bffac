// The data-driven tests: every file of tests/graphs is one scenario.
//
//   description: what must hold
//   calls: [{op:, args:, finding:}]   each call fails with this finding; nothing else is in the
//   file graph: a native graph        or   text: a file's bytes     or   call: {op: aten.x.y, args:
//   ["float32[2, 3]", 1]} expect:
//     findings: [{code:, node:, port:, param:, rule:, line:, expected:, found:, severity:, fix:}]
//     in order, complete types: {node: "float32[B, 3]"} `?` where unknown fixed: true        the
//     graph is valid after the first fix of each finding
//
// Keys that a finding does not name are not compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/resources.h"
#include "common/compiler/codes.h"
#include "common/compiler/fixes/edits.h"
#include "common/compiler/palette.h"
#include "common/compiler/rules.h"
#include "common/ir/call_builder.h"
#include "common/ir/op_def.h"
#include "common/nodes/example.h"
#include "fmt/format.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

const std::string kFolder = ResourceDir() + "/tests/graphs";

std::vector<std::string> Scenarios() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml")
      files.push_back(std::filesystem::relative(entry.path(), kFolder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TextNode Load(const std::string& file) {
  const auto bytes = ReadFile(kFolder + "/" + file, 16 << 20);
  EXPECT_TRUE(bytes.ok()) << file;
  TextError error;
  const auto node = ReadText(bytes.ok() ? *bytes : "", TextLimits(), &error);
  EXPECT_TRUE(node.ok()) << file << ": " << node.status().ToString();
  return node.ok() ? *node : TextNode();
}

struct Outcome {
  v1::Graph graph;
  std::vector<v1::Diagnostic> findings;
  CompileResult result;
};

Outcome RunGraph(const TextNode& scenario) {
  Outcome out;
  graph::SourceMap positions;
  const TextNode* text = scenario.Find("text");
  const auto graph =
      text != nullptr
          ? graph::ReadGraph(text->s, "scenario", &positions, &out.findings)
          : graph::ReadGraph(*scenario.Find("graph"), "scenario", &positions, &out.findings);
  if (!graph.ok()) return out;
  out.graph = *graph;
  CompileOptions options;
  options.positions = &positions;
  out.result = Compile(out.graph, options);
  for (const v1::Diagnostic& d : out.result.diagnostics) out.findings.push_back(d);
  return out;
}

ir::Argument ToArgument(const TextNode& node, ir::Module& module) {
  switch (node.kind) {
    case TextNode::Kind::kBool:
      return node.b;
    case TextNode::Kind::kInt:
      return node.i;
    case TextNode::Kind::kDouble:
      return node.d;
    case TextNode::Kind::kString: {
      if (node.s.rfind("torch.", 0) == 0) return ir::ParseDType(node.s.substr(6));
      const auto type = nodes::ParseType(node.s);
      if (!type.ok()) return node.s;
      return module.AddValue({ir::ValueKind::kTensor, *type});
    }
    case TextNode::Kind::kList: {
      ir::Argument::List list;
      for (const TextNode& item : node.items) list.push_back(ToArgument(item, module));
      return list;
    }
    default:
      return {};
  }
}

// One operator call; the argument at fault stands in `param`.
Outcome RunCall(const TextNode& call) {
  Outcome out;
  const ir::OpDef* op = ir::FindOp(call.Find("op")->s);
  EXPECT_NE(op, nullptr);
  if (op == nullptr) return out;
  ir::Module module;
  std::vector<ir::Argument> args;
  for (const TextNode& arg : call.Find("args")->items) args.push_back(ToArgument(arg, module));
  ir::OpError error;
  if (ir::AppendCall(module, *op, std::move(args), -1, &error).ok()) return out;
  v1::Diagnostic& d = out.findings.emplace_back();
  d.set_severity(v1::SEVERITY_ERROR);
  d.set_code(error.code);
  d.set_rule(error.rule);
  d.set_param(error.arg);
  d.set_expected(error.expected);
  d.set_found(error.found);
  return out;
}

std::string Severity(const v1::Diagnostic& d) {
  return d.severity() == v1::SEVERITY_ERROR     ? "error"
         : d.severity() == v1::SEVERITY_WARNING ? "warning"
                                                : "hint";
}

std::string Field(const v1::Diagnostic& d, const std::string& key) {
  if (key == "code") return d.code();
  if (key == "node") return d.node();
  if (key == "port") return d.port();
  if (key == "param") return d.param();
  if (key == "rule") return d.rule();
  if (key == "line") return std::to_string(d.line());
  if (key == "expected") return d.expected();
  if (key == "found") return d.found();
  if (key == "path") return d.path();
  if (key == "severity") return Severity(d);
  if (key == "fix") return d.fixes_size() > 0 ? d.fixes(0).description() : "none";
  return "there is no field " + key;
}

std::string Scalar(const TextNode& node) { return node.IsInt() ? std::to_string(node.i) : node.s; }

void CompareFinding(const TextNode& expected, const v1::Diagnostic& found,
                    const std::string& what) {
  for (const TextEntry& entry : expected.entries)
    EXPECT_EQ(Field(found, entry.key), Scalar(entry.value)) << entry.key << " of " << what;
  if (expected.Find("severity") == nullptr) {
    EXPECT_EQ(Severity(found), "error") << what;
  }
  EXPECT_NE(FindCode(found.code()), nullptr) << found.code() << " has no page";
}

void CompareFindings(const TextNode* expected, const std::vector<v1::Diagnostic>& found) {
  const size_t count = expected == nullptr ? 0 : expected->items.size();
  std::string all;
  for (const v1::Diagnostic& d : found) all += "  " + d.ShortDebugString() + "\n";
  EXPECT_EQ(found.size(), count) << all;
  for (size_t i = 0; i < std::min(count, found.size()); ++i)
    CompareFinding(expected->items[i], found[i], fmt::format("finding {}\n{}", i, all));
}

std::string TypesOf(const CompileResult& result, const std::string& id) {
  for (const NodeTypes& node : result.nodes) {
    if (node.id != id) continue;
    std::string text;
    for (const ir::TensorType& type : node.outputs)
      text += (text.empty() ? "" : " ") + ir::TypeText(type);
    return text.empty() ? "?" : text;
  }
  return "no such node";
}

// All first fixes, then those of what is left, as `kiln fix` does.
void ApplyFixes(Outcome outcome) {
  for (int round = 0; round < 10; ++round) {
    bool any = false;
    for (const v1::Diagnostic& d : outcome.findings) {
      if (d.fixes_size() == 0) continue;
      any = true;
      const absl::Status applied = ApplyFix(d.fixes(0), &outcome.graph);
      EXPECT_TRUE(applied.ok()) << applied.ToString() << "\n" << d.ShortDebugString();
    }
    outcome.result = Compile(outcome.graph);
    outcome.findings = outcome.result.diagnostics;
    if (outcome.findings.empty() || !any) break;
  }
  EXPECT_TRUE(outcome.result.ok) << Findings(outcome.result);
}

class Scenario : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenario, Holds) {
  const TextNode scenario = Load(GetParam());
  ASSERT_NE(scenario.Find("description"), nullptr);
  if (const TextNode* calls = scenario.Find("calls")) {
    for (const TextNode& call : calls->items) {
      const Outcome outcome = RunCall(call);
      const std::string what = "a call of " + call.Find("op")->s;
      ASSERT_EQ(outcome.findings.size(), 1u) << what;
      CompareFinding(*call.Find("finding"), outcome.findings[0], what);
    }
    return;
  }
  const TextNode* expect = scenario.Find("expect");
  ASSERT_NE(expect, nullptr);
  const TextNode* call = scenario.Find("call");
  const Outcome outcome = call != nullptr ? RunCall(*call) : RunGraph(scenario);
  CompareFindings(expect->Find("findings"), outcome.findings);
  if (const TextNode* types = expect->Find("types")) {
    for (const TextEntry& entry : types->entries)
      EXPECT_EQ(TypesOf(outcome.result, entry.key), entry.value.s) << entry.key;
  }
  if (const TextNode* fixed = expect->Find("fixed"); fixed != nullptr && fixed->b)
    ApplyFixes(outcome);
}

INSTANTIATE_TEST_SUITE_P(Graphs, Scenario, ::testing::ValuesIn(Scenarios()), [](const auto& info) {
  std::string name = info.param.substr(0, info.param.size() - 5);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
});

StringSet Mentioned(const std::string& key) {
  StringSet values;
  for (const std::string& file : Scenarios()) {
    const TextNode scenario = Load(file);
    if (const TextNode* calls = scenario.Find("calls")) {
      for (const TextNode& call : calls->items) {
        if (const TextNode* value = call.Find("finding")->Find(key)) values.insert(value->s);
      }
    }
    const TextNode* expect = scenario.Find("expect");
    const TextNode* findings = expect != nullptr ? expect->Find("findings") : nullptr;
    if (findings == nullptr) continue;
    for (const TextNode& finding : findings->items) {
      if (const TextNode* value = finding.Find(key)) values.insert(value->s);
    }
  }
  return values;
}

TEST(Scenarios, EveryOperatorRuleHasANegativeOne) {
  const StringSet rules = Mentioned("rule");
  for (const ir::OpDef* op : ir::AllOps()) {
    for (const ir::Rule& rule : op->rules)
      EXPECT_TRUE(rules.contains(rule.label)) << op->name << " " << rule.label;
  }
  // Rules of nodes and composites, of calls and of tensors.
  for (const char* rule :
       {"BATCH_NORM_C1",   "BYPASS_C1",    "BYPASS_C2",      "BYPASS_C3",       "BYPASS_C4",
        "EXPAND_BATCH_C1", "LENGTH_C1",    "WEIGHT_OF_C1",   "CONTAINER_C1",    "EMBEDDING_C2",
        "FILM_C1",         "LSTM_C1",      "MULTIHEAD_C1",   "MULTIHEAD_C2",    "MULTIHEAD_C3",
        "MULTIHEAD_C4",    "MULTIHEAD_C5", "OTHER_C1",       "PERMUTE_TIME_C1", "RESIDUAL_C1",
        "RNN_C1",          "SCHEMA_C1",    "SE_C1",          "SHARED_C1",       "TENSOR_C1",
        "TENSOR_C2",       "TENSOR_C3",    "TRANSFORMER_C1", "VGG_C1",          "WEIGHT_C1"}) {
    EXPECT_TRUE(rules.contains(rule)) << rule;
  }
  for (const char* rule :
       {"FRACTIONAL_C3", "INTERPOLATE_C1", "INTERPOLATE_C2", "INTERPOLATE_C3", "INTERPOLATE_C4",
        "INTERPOLATE_C5", "INTERPOLATE_C6", "INTERPOLATE_C7", "UNPOOL_C4"})
    EXPECT_TRUE(rules.contains(rule)) << rule;
}

// `kiln explain RULE` for what diagnostics name.
TEST(Scenarios, EveryRuleHasAPage) {
  for (const std::string& rule : Mentioned("rule")) EXPECT_TRUE(FindRule(rule)) << rule;
  for (const std::string& label : RuleLabels()) {
    const auto page = FindRule(label);
    ASSERT_TRUE(page) << label;
    EXPECT_FALSE(page->texts.empty()) << label;
    for (const std::string& type : page->types) EXPECT_TRUE(DescribeType(type)) << label << type;
  }
  EXPECT_FALSE(FindRule("NO_SUCH_C1"));
  const auto page = FindRule("LINEAR_C1");
  EXPECT_EQ(page->example, "FunctionalLinear");
}

TEST(Scenarios, EveryCodeHasANegativeOne) {
  // Codes of jobs and data, of other formats, of faults of ours, and of graphs too large for a file
  // here.
  const StringSet elsewhere = {"DATA_INVALID",      "INTERNAL",  "MISSING_SHAPE",
                               "UNKNOWN_KEY",       "BAD_ID",    "MODE_WITHOUT_EFFECT",
                               "TA_UNUSED_MODULE",  "TC_LAYOUT", "TC_SAME_EVEN_KERNEL",
                               "TC_UNLISTED_INPUT", "VD_INPUTS", "VD_OUTPUTS"};
  const StringSet codes = Mentioned("code");
  for (const CodePage& page : CodePages()) {
    EXPECT_TRUE(elsewhere.contains(page.code) || codes.contains(page.code)) << page.code;
  }
}

}  // namespace
}  // namespace graphkiln::compiler
