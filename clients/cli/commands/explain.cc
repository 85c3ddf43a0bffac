// kiln explain [TYPE|CODE|RULE|job]: the reference of node types, diagnostics, job keys,
// components, from the registries that the programs themselves use.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/table.h"
#include "common/base/strings.h"
#include "common/compiler/codes.h"
#include "common/compiler/palette.h"
#include "common/compiler/rules.h"
#include "common/emit/reference.h"
#include "common/graph/value_json.h"
#include "common/jobs/faults.h"
#include "common/jobs/job_writer.h"
#include "common/jobs/registry.h"
#include "common/jobs/schema.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Explain : public Command {
 public:
  std::string_view name() const override { return "explain"; }
  std::string_view summary() const override {
    return "Reference of a node type, diagnostic code, optimizer, metric, or of the job file "
           "(local)";
  }
  void Declare(Arguments* arguments) override {
    arguments->Add("TYPE", &topic_, "Linear, SHAPE_MISMATCH, Adam, job, ...; none lists all");
    arguments->Add("--markdown", &markdown_, "the reference page of all node types and operators");
  }

  int Run(Context& context) override {
    if (markdown_) {
      context.Print(emit::ReferencePage());
      return kOk;
    }
    if (topic_.empty()) return ListAll(context);
    if (topic_ == "job") return JobFile(context);
    if (const auto type = compiler::DescribeType(topic_)) return Node(context, *type);
    Json entry = jobs::DescribeComponent(topic_);
    if (entry.is_null()) entry = Code(topic_);
    if (entry.is_null()) entry = Rule(topic_);
    if (!entry.is_null()) {
      if (context.format() == Format::kText && entry.contains("code")) {
        PrintCode(context, entry);
      } else if (context.format() == Format::kText && entry.contains("rule")) {
        PrintRule(context, entry);
      } else if (context.format() == Format::kText) {
        context.Print(jobs::YamlText(entry));
      } else {
        context.PrintDocument(entry);
      }
      return kOk;
    }
    std::string message = fmt::format("nothing is called {}", QuoteForMessage(topic_));
    if (const auto near = NearestName(topic_, Topics(topic_))) {
      message += fmt::format("; did you mean {}?", *near);
    }
    return context.Fail(kNotFound, "NOT_FOUND", message);
  }

 private:
  static std::vector<compiler::CodePage> CodePages() {
    std::vector<compiler::CodePage> pages(compiler::CodePages().begin(),
                                          compiler::CodePages().end());
    const auto more = jobs::JobCodePages();
    pages.insert(pages.end(), more.begin(), more.end());
    return pages;
  }

  static Json Code(std::string_view name) {
    for (const compiler::CodePage& page : CodePages()) {
      if (page.code != name) continue;
      Json entry = {{"code", std::string(page.code)},
                    {"title", std::string(page.title)},
                    {"doc", std::string(page.text)}};
      if (!page.wrong.empty()) {
        entry["wrong"] = std::string(page.wrong);
        entry["right"] = std::string(page.right);
      }
      if (!page.costs.empty()) entry["costs"] = std::string(page.costs);
      if (!page.false_alarm.empty()) entry["false_alarm"] = std::string(page.false_alarm);
      if (!page.fixes.empty()) entry["fixes"] = std::string(page.fixes);
      return entry;
    }
    return nullptr;
  }

  static void PrintCode(Context& context, const Json& entry) {
    const auto text = [&](const char* key) { return entry.value(key, std::string()); };
    context.Print(fmt::format("{}  {}\n\n{}\n", text("code"), text("title"), text("doc")));
    if (entry.contains("costs")) context.Print(fmt::format("\nwhat it costs: {}\n", text("costs")));
    if (entry.contains("false_alarm"))
      context.Print(fmt::format("\na false alarm: {}\n", text("false_alarm")));
    if (entry.contains("fixes")) context.Print(fmt::format("\nkiln fix can: {}\n", text("fixes")));
    if (!entry.contains("wrong")) return;
    context.Print(fmt::format("\nwrong:\n\n{}\nright:\n\n{}", text("wrong"), text("right")));
  }

  static Json Rule(std::string_view label) {
    const auto page = compiler::FindRule(label);
    if (!page) return nullptr;
    Json entry = {{"rule", page->label}, {"says", page->texts}, {"types", page->types}};
    const auto type = compiler::DescribeType(page->example);
    if (!type) return entry;
    const Json described = NodeTypeJson(*type);
    if (described.contains("example"))
      entry["example"] = {{"type", page->example}, {"keeps", described["example"]}};
    return entry;
  }

  static void PrintRule(Context& context, const Json& entry) {
    constexpr size_t kMostTypes = 12;
    context.Print(entry["rule"].get<std::string>() + "\n\n");
    for (const Json& text : entry["says"]) context.Print("  " + text.get<std::string>() + "\n");
    const Json& types = entry["types"];
    std::string names;
    for (size_t i = 0; i < types.size() && i < kMostTypes; ++i)
      names += (i > 0 ? ", " : "") + types[i].get<std::string>();
    if (types.size() > kMostTypes) names += fmt::format(" and {} more", types.size() - kMostTypes);
    context.Print(fmt::format("\nasked of: {}\n", names.empty() ? "all types" : names));
    if (!entry.contains("example")) return;
    context.Print(fmt::format("\n{} keeps it: {}\n", entry["example"]["type"].get<std::string>(),
                              entry["example"]["keeps"].dump()));
  }

  static std::vector<std::string> Topics(std::string_view like) {
    std::vector<std::string> topics = nodes::NodeNames(like);
    for (const auto& entry : compiler::Palette()) {
      if (entry.def == nullptr) topics.push_back(entry.name);
    }
    for (const auto& def : jobs::Optimizers()) topics.push_back(def.name);
    for (const auto& def : jobs::Schedulers()) topics.push_back(def.name);
    for (const auto& def : jobs::Metrics()) topics.push_back(def.name);
    for (const auto& def : jobs::Sources()) topics.push_back(def.name);
    for (const auto& page : CodePages()) topics.emplace_back(page.code);
    for (std::string& label : compiler::RuleLabels()) topics.push_back(std::move(label));
    topics.emplace_back("job");
    return topics;
  }

  static int ListAll(Context& context) {
    Json document = {{"node_types", Json::array()}, {"codes", Json::array()}};
    Table table({"type", "category", "what it does"});
    for (const compiler::PaletteEntry& entry : compiler::Palette()) {
      const std::string doc =
          entry.def != nullptr ? std::string(entry.def->doc) : entry.Describe().doc();
      document["node_types"].push_back(
          {{"name", entry.name}, {"category", entry.category}, {"doc", doc}});
      table.Row({entry.name, entry.category, doc});
    }
    for (const char* key : {"optimizer", "scheduler", "metrics"}) {
      document[key] = jobs::ComponentNames(key);
    }
    for (const auto& page : CodePages()) document["codes"].push_back(std::string(page.code));
    if (context.format() == Format::kText) {
      context.Print(table.Text());
      context.Print(
          "\nkiln explain TYPE shows one of them, kiln explain job the keys of a job file.\n");
    } else {
      context.PrintDocument(document);
    }
    return kOk;
  }

  static int JobFile(Context& context) {
    const Json schema = jobs::DescribeSchema();
    if (context.format() != Format::kText) {
      context.PrintDocument({{"name", "job"}, {"keys", schema}});
      return kOk;
    }
    Table table({"key", "value", "default", "meaning"});
    for (const Json& row : schema) {
      table.Row({row["key"], row["type"], row.value("default", std::string("-")), row["doc"]});
    }
    context.Print(table.Text());
    return kOk;
  }

  static int Node(Context& context, const v1::NodeType& type) {
    const Json entry = NodeTypeJson(type);
    if (context.format() != Format::kText) {
      context.PrintDocument(entry);
      return kOk;
    }
    context.Print(fmt::format("{}  ({})\n{}\n", type.name(), type.category(), type.doc()));
    if (type.params_size() > 0) {
      Table table({"parameter", "type", "default", "meaning"});
      for (const v1::ParamInfo& param : type.params()) {
        std::string value = param.has_default_value()
                                ? graph::ValueJson(param.default_value()).dump()
                            : param.required() ? "required"
                            : param.inferred() ? "from the input"
                                               : "-";
        table.Row({param.name(), param.type(), std::move(value), param.doc()});
      }
      context.Print("\n" + table.Text());
    }
    Table ports({"port", "direction", "meaning"});
    for (const auto& port : type.inputs()) ports.Row({port.name(), "in", port.doc()});
    for (const auto& port : type.outputs()) ports.Row({port.name(), "out", port.doc()});
    context.Print("\n" + ports.Text());
    if (!type.python().empty()) context.Print(fmt::format("\nPython: {}\n", type.python()));
    if (entry.contains("example")) {
      context.Print(fmt::format("Example: {}\n", entry["example"].dump()));
    }
    return kOk;
  }

  std::string topic_;
  bool markdown_ = false;
};

}  // namespace

void AddExplain(CommandList* commands) { commands->push_back(std::make_unique<Explain>()); }

}  // namespace graphkiln::cli
