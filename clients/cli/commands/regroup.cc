// kiln unpack FILE NODE... and kiln collapse FILE NODE... --type T: composites taken apart and put
// together; the graph is written, and the state_dict keys that have other names in it are told.
#include "common/compiler/regroup.h"

#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/graph/writer.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

// What both commands have in common.
class Regroup : public Command {
 public:
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph; - is stdin").required = true;
    arguments->Add("NODE", &nodes_, "Ids of the nodes").required = true;
    DeclareOwn(arguments);
    arguments->Add("-O,--out", &out_, "File to write; else stdout").value_name = "PATH";
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    auto source = ReadGraphFile(file_, flags_);
    if (!source.ok()) return context.Fail(source.status());
    CompiledFile compiled = CompileGraph(*std::move(source));
    if (!compiled.ok) return context.FailInvalid(compiled.diagnostics);
    if (absl::Status status = CheckOutput(out_, {file_}); !status.ok()) return context.Fail(status);
    auto regrouped = Change(compiled.source.graph);
    if (!regrouped.ok()) return context.Fail(regrouped.status());
    const std::string text = out_.ends_with(".json") ? graph::WriteJson(regrouped->graph)
                                                     : graph::WriteYaml(regrouped->graph);
    if (!out_.empty()) {
      if (absl::Status status = WriteFileAtomic(out_, text); !status.ok())
        return context.Fail(status);
    }
    for (const std::string& note : regrouped->notes) context.Notice("note: " + note);
    if (context.format() != Format::kText) {
      context.PrintDocument(Document(*regrouped));
      return kOk;
    }
    if (out_.empty()) context.Print(text);
    for (const auto& [from, to] : regrouped->keys)
      context.Notice(fmt::format("weight {} is {} now", from, to));
    return kOk;
  }

 protected:
  virtual void DeclareOwn(Arguments* arguments) = 0;
  virtual absl::StatusOr<compiler::Regrouped> Change(const v1::Graph& graph) = 0;

  std::vector<std::string> nodes_;

 private:
  Json Document(const compiler::Regrouped& regrouped) const {
    Json keys = Json::object();
    for (const auto& [from, to] : regrouped.keys) keys[from] = to;
    Json document = {{"keys", std::move(keys)}, {"notes", regrouped.notes}};
    if (out_.empty()) {
      document["graph"] = graph::ToJson(regrouped.graph);
    } else {
      document["path"] = out_;
    }
    return document;
  }

  std::string file_, out_;
  GraphFlags flags_;
};

class Unpack : public Regroup {
 public:
  std::string_view name() const override { return "unpack"; }
  std::string_view summary() const override {
    return "Replace composite nodes by what they hold (local)";
  }

 protected:
  void DeclareOwn(Arguments*) override {}

  absl::StatusOr<compiler::Regrouped> Change(const v1::Graph& graph) override {
    return compiler::Unpack(graph, nodes_);
  }
};

class Collapse : public Regroup {
 public:
  std::string_view name() const override { return "collapse"; }
  std::string_view summary() const override { return "Make a composite of nodes (local)"; }

 protected:
  void DeclareOwn(Arguments* arguments) override {
    Argument& type = arguments->Add("-t,--type", &type_, "Name of the new composite type");
    type.required = true;
    type.value_name = "TYPE";
    arguments->Add("--as", &id_, "Id of the node that takes their place; default: the type's name")
        .value_name = "ID";
  }

  absl::StatusOr<compiler::Regrouped> Change(const v1::Graph& graph) override {
    return compiler::Collapse(graph, {nodes_, type_, id_.empty() ? ToLowerAscii(type_) : id_});
  }

 private:
  std::string type_, id_;
};

}  // namespace

void AddRegroup(CommandList* commands) {
  commands->push_back(std::make_unique<Unpack>());
  commands->push_back(std::make_unique<Collapse>());
}

}  // namespace graphkiln::cli
