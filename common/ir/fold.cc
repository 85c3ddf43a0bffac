#include "common/ir/fold.h"

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/ir/op_def.h"
#include "common/ir/prune.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

// Numbers, texts and so on; nothing that is known at run time only. Devices are equal in result.
bool IsFixed(const Argument& argument) {
  if (argument.As<TrainingArg>() != nullptr || argument.As<NotTrainingArg>() != nullptr ||
      argument.As<Dim>() != nullptr)
    return false;
  const auto* list = argument.As<Argument::List>();
  return list == nullptr || std::all_of(list->begin(), list->end(), IsFixed);
}

// Types that a parameter may have, and be given a first value.
bool IsStorable(const Value& value) {
  if (value.kind != ValueKind::kTensor) return false;
  const DataType dtype = value.type.dtype;
  return (dtype == v1::DATA_TYPE_FLOAT32 || dtype == v1::DATA_TYPE_FLOAT64 ||
          dtype == v1::DATA_TYPE_INT64) &&
         std::all_of(value.type.shape.begin(), value.type.shape.end(),
                     [](const Dim& dim) { return dim.IsConst(); });
}

class Folder {
 public:
  Folder(Module module, const std::vector<bool>& allowed)
      : module_(std::move(module)), allowed_(allowed), fixed_(module_.values.size(), false) {}

  Folded Run() {
    FixedWeights();
    out_.calls.assign(module_.calls.size(), false);
    for (size_t i = 0; i < module_.calls.size(); ++i) {
      if (!allowed_[i] || !Foldable(module_.calls[i])) continue;
      out_.calls[i] = true;
      for (const ValueId id : module_.calls[i].outputs) fixed_[Index(id)] = true;
    }
    Split();
    return std::move(out_);
  }

 private:
  static size_t Index(ValueId id) { return static_cast<size_t>(id.index); }

  void FixedWeights() {
    std::vector<bool> changed(module_.values.size(), false);
    for (const Call& call : module_.calls) {
      if (!call.op->mutates) continue;
      for (size_t a = 0; a < call.args.size(); ++a) {
        if (call.op->args[a].written)
          VisitValues(call.args[a], [&](const ValueId& id) { changed[Index(id)] = true; });
      }
    }
    for (const Parameter& parameter : module_.parameters)
      fixed_[Index(parameter.value)] = !parameter.trainable && !changed[Index(parameter.value)];
  }

  bool Foldable(const Call& call) const {
    if (call.op->random || call.op->mutates || call.op->returns_number) return false;
    bool fixed = std::all_of(call.args.begin(), call.args.end(), IsFixed);
    for (const Argument& argument : call.args)
      VisitValues(argument, [&](const ValueId& id) { fixed = fixed && fixed_[Index(id)]; });
    return fixed && std::all_of(call.outputs.begin(), call.outputs.end(),
                                [&](ValueId id) { return IsStorable(module_.values[Index(id)]); });
  }

  void Split() {
    std::vector<bool> folded(module_.values.size(), false);  // results of folded calls
    std::vector<bool> needed(module_.values.size(), false);  // of these: read by what is left
    std::vector<int32_t> source(module_.values.size(), -1);
    for (size_t i = 0; i < module_.calls.size(); ++i) {
      const Call& call = module_.calls[i];
      for (const ValueId id : call.outputs) {
        folded[Index(id)] = out_.calls[i];
        source[Index(id)] = call.source;
      }
      if (out_.calls[i]) continue;
      for (const Argument& argument : call.args)
        VisitValues(argument, [&](const ValueId& id) { needed[Index(id)] = true; });
    }
    for (const Output& output : module_.outputs) needed[Index(output.value)] = true;
    out_.values.name = module_.name;
    StringSet keys;
    if (std::find(out_.calls.begin(), out_.calls.end(), true) != out_.calls.end()) {
      for (const Parameter& parameter : module_.parameters) keys.insert(parameter.key);
      out_.values.parameters = module_.parameters;
      out_.values.values = module_.values;
      out_.values.sources = module_.sources;
    }
    std::vector<Call> left;
    for (size_t i = 0; i < module_.calls.size(); ++i)
      (out_.calls[i] ? out_.values.calls : left).push_back(std::move(module_.calls[i]));
    module_.calls = std::move(left);
    for (size_t v = 0; v < module_.values.size(); ++v) {
      if (!folded[v] || !needed[v]) continue;
      const ValueId id{static_cast<int32_t>(v)};
      const std::string path =
          source[v] < 0 ? "folded" : module_.sources[static_cast<size_t>(source[v])].path;
      std::string key = path + ".value";
      for (int n = 1; !keys.insert(key).second; ++n) key = fmt::format("{}.value_{}", path, n);
      out_.keys.push_back(key);
      out_.values.outputs.push_back({key, id});
      module_.parameters.push_back({std::move(key), id, Initializer::Constant(0),
                                    /*buffer=*/true, /*trainable=*/false, /*persistent=*/true});
    }
    out_.rest = std::move(module_);
    Prune(out_.values);
    Prune(out_.rest);
  }

  Module module_;
  const std::vector<bool>& allowed_;
  std::vector<bool> fixed_;  // values that never change
  Folded out_;
};

}  // namespace

Folded Fold(Module module, const std::vector<bool>& allowed) {
  return Folder(std::move(module), allowed).Run();
}

}  // namespace graphkiln::ir
