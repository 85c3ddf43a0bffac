#include "common/emit/python/forward.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/status.h"
#include "common/compiler/identifiers.h"
#include "common/emit/python/call.h"
#include "common/emit/python/names.h"
#include "common/emit/python/values.h"
#include "fmt/format.h"

namespace graphkiln::emit::python {
namespace {

using compiler::Instance;
using compiler::Tree;

class ForwardWriter {
 public:
  ForwardWriter(const compiler::CompileResult& compiled, const Scope& scope,
                const StringMap<std::string>& access, CodeWriter& out, Imports& imports)
      : compiled_(compiled),
        scope_(scope),
        access_(access),
        out_(out),
        imports_(imports),
        values_(*compiled.module) {}

  void Run() {
    std::string args = "self";
    std::vector<std::string> notes;
    for (const auto& [input, tree] : scope_.inputs) {
      const std::string name = names_.Take(compiler::ToIdentifier(input));
      args += fmt::format(", {}: {}", name, values_.Annotation(tree));
      notes.push_back(fmt::format("{}: {}", name,
                                  tree.IsTensor() ? ir::TypeText(compiled_.module->type(tree.value))
                                                  : values_.Shapes(tree)));
      values_.Bind(tree, name);
    }
    const std::string returns = values_.Annotation(*scope_.result);
    out_.Line(4, fmt::format("def forward({}) -> {}:", args, returns));
    imports_.any = imports_.any || (args + returns).find("Any") != std::string::npos;
    for (const std::string& note : notes) out_.Comment(8, CommentText(note));
    const std::vector<bool> written = Written();
    for (size_t i = 0; i < scope_.children.size(); ++i) {
      if (written[i]) Statement(At(scope_.children[i]));
    }
    out_.Line(8, "return " + values_.Read(*scope_.result, /*bare=*/true));
  }

 private:
  const Instance& At(int i) const { return compiled_.instances[static_cast<size_t>(i)]; }

  // Which children are written, from the end: modules always (they may keep statistics),
  // expressions where their result is used.
  std::vector<bool> Written() {
    const auto use = [&](const Tree& tree) {
      compiler::VisitTensors(tree, "",
                             [&](const std::string&, ir::ValueId id) { used_.insert(id.index); });
    };
    use(*scope_.result);
    std::vector<bool> written(scope_.children.size(), false);
    for (size_t i = scope_.children.size(); i-- > 0;) {
      const Instance& instance = At(scope_.children[i]);
      if (instance.bypassed || IsPick(instance)) continue;
      bool needed =
          IsModule(instance) || (instance.def->op != nullptr && instance.def->op->mutates);
      compiler::VisitTensors(instance.output, "", [&](const std::string&, ir::ValueId id) {
        needed = needed || used_.contains(id.index);
      });
      if (!needed) continue;
      written[i] = true;
      if (instance.def != nullptr && instance.def->reads_weight) continue;
      for (const Tree& tree : instance.inputs) use(tree);
    }
    return written;
  }

  void Statement(const Instance& instance) {
    std::string code;
    const bool reads = instance.def != nullptr && instance.def->reads_weight;
    if (IsModule(instance) || IsParameter(instance) || reads) {
      const auto module = access_.find(instance.weights_path);
      if (module == access_.end()) {
        GRAPHKILN_BUG("emit.no_module", scope_.weights_path + "/" + instance.weights_path);
        return;
      }
      if (!IsModule(instance)) {
        values_.Bind(instance.output, reads
                                          ? WeightText(module->second, instance.params.Text("name"))
                                          : module->second);
        return;
      }
      code = ModuleCall(instance, module->second, values_);
    } else {
      code = instance.def->op != nullptr ? OperatorCall(instance, values_)
             : instance.def->python.kind == nodes::Python::Kind::kFunction
                 ? FunctionCall(instance, values_)
                 : Expression(instance, values_);
      imports_.torch = imports_.torch || code.find("torch.") != std::string::npos;
    }
    const std::string stem = NameStem(instance);
    const std::string shapes = values_.Shapes(instance.output);
    bool any = false;
    compiler::VisitTensors(instance.output, "", [&](const std::string&, ir::ValueId id) {
      any = any || (used_.contains(id.index) && !values_.Knows(id));
    });
    if (!any) return out_.Line(8, code, shapes);
    if (HasDict(instance.output)) {
      const std::string name = names_.Take(stem);
      values_.Bind(instance.output, name);
      return out_.Line(8, fmt::format("{} = {}", name, code), shapes);
    }
    const std::vector<std::pair<ir::ValueId, std::string>> ports = PortNames(instance, stem);
    const std::string target = values_.Target(instance.output, [&](ir::ValueId id) -> std::string {
      if (!used_.contains(id.index)) return "";
      for (const auto& [value, name] : ports) {
        if (value == id) return names_.Take(name);
      }
      return names_.Take(stem);
    });
    out_.Line(8, fmt::format("{} = {}", target, code), shapes);
  }

  const compiler::CompileResult& compiled_;
  const Scope& scope_;
  const StringMap<std::string>& access_;
  CodeWriter& out_;
  Imports& imports_;
  Values values_;
  NameTable names_;
  absl::flat_hash_set<int32_t> used_;  // values that a statement or the result reads
};

}  // namespace

void WriteForward(const compiler::CompileResult& compiled, const Scope& scope,
                  const StringMap<std::string>& access, CodeWriter& out, Imports& imports) {
  ForwardWriter(compiled, scope, access, out, imports).Run();
}

}  // namespace graphkiln::emit::python
