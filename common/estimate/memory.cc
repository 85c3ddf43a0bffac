#include "common/estimate/memory.h"

#include <algorithm>
#include <string_view>

#include "common/base/strings.h"
#include "common/estimate/gradients.h"
#include "common/estimate/scratch.h"
#include "common/ir/op_def.h"

namespace graphkiln::estimate {
namespace {

// One kind of run: which values share a storage depends on it (OpDef::hands_on).
class Meter {
 public:
  Meter(const ir::Module& module, const Sizes& sizes, bool training)
      : module_(module), sizes_(sizes), training_(training) {
    const size_t n = module.values.size();
    root_.resize(n);
    for (size_t i = 0; i < n; ++i) root_[i] = static_cast<int32_t>(i);
    counted_.resize(n, false);
    grad_.resize(n, false);
    last_use_.resize(n, -1);
    saved_until_.resize(n, -1);
  }

  Memory Run() {
    Memory out;
    Declarations(out);
    Uses();
    if (!training_) {
      out.inference = Forward(out.inputs);
      return out;
    }
    Saved(out);
    out.training = std::max(Forward(out.inputs), Backward(out));
    return out;
  }

 private:
  static size_t At(ir::ValueId id) { return static_cast<size_t>(id.index); }
  size_t Root(ir::ValueId id) const { return static_cast<size_t>(root_[At(id)]); }
  int64_t RootBytes(size_t root) const {
    return sizes_.Bytes(ir::ValueId{static_cast<int32_t>(root)});
  }

  // Parameters and inputs have memory of their own that calls do not free.
  void Declarations(Memory& out) {
    for (const ir::Parameter& parameter : module_.parameters) {
      const int64_t bytes = sizes_.Bytes(parameter.value);
      out.parameters = Plus(out.parameters, bytes);
      if (parameter.trainable && !parameter.buffer) out.gradients = Plus(out.gradients, bytes);
      grad_[At(parameter.value)] = parameter.trainable && !parameter.buffer;
      counted_[At(parameter.value)] = true;
    }
    for (const ir::Input& input : module_.inputs) {
      out.inputs = Plus(out.inputs, sizes_.Bytes(input.value));
      counted_[At(input.value)] = true;
    }
  }

  // Storages, last readers, and which values backward reaches.
  void Uses() {
    const int end = static_cast<int>(module_.calls.size());
    for (int c = 0; c < end; ++c) {
      const ir::Call& call = module_.calls[static_cast<size_t>(c)];
      bool grad = false;
      ir::ValueId first;
      for (const ir::Argument& arg : call.args) {
        ir::VisitValues(arg, [&](const ir::ValueId& id) {
          if (!first.valid()) first = id;
          last_use_[Root(id)] = c;
          grad = grad || grad_[At(id)];
        });
      }
      const bool handed_on = sizes_.HandsOn(call, training_);
      handed_on_.push_back(handed_on);
      for (const ir::ValueId id : call.outputs) {
        const bool shares = call.op->view || (handed_on && id == call.outputs[0]);
        if (shares && first.valid()) root_[At(id)] = root_[At(first)];
        last_use_[Root(id)] = std::max(last_use_[Root(id)], c);
        grad_[At(id)] = grad && call.op->differentiable && ir::IsFloating(module_.type(id).dtype);
      }
    }
    for (const ir::Output& output : module_.outputs) last_use_[Root(output.value)] = end;
    // Autocast keeps what it has converted of a weight to the end of the run.
    for (const ir::Call& call : module_.calls) {
      const ir::ValueId* from = call.op->hands_on != nullptr && call.op->ArgIndex("dtype") >= 0
                                    ? call.args[0].As<ir::ValueId>()
                                    : nullptr;
      if (from != nullptr && counted_[At(*from)]) last_use_[Root(call.outputs[0])] = end;
    }
  }

  // Backward does something at the call.
  bool Reached(size_t c) const {
    const ir::Call& call = module_.calls[c];
    return !handed_on_[c] && std::any_of(call.outputs.begin(), call.outputs.end(),
                                         [&](ir::ValueId id) { return grad_[At(id)]; });
  }

  // Bytes that the call makes for backward besides its results.
  int64_t Extra(size_t c) const {
    const ir::Call& call = module_.calls[c];
    int64_t bytes = 0;
    if (!Reached(c)) return bytes;
    bytes = sizes_.Workspace(call);
    for (const std::string_view name : SplitView(call.op->saved, ' ')) {
      if (name == "mask") bytes = Plus(bytes, sizes_.Bytes(call.outputs[0]));
      if (name == "index")
        bytes = Plus(bytes, Times(sizes_.Elements(call.outputs[0]), sizeof(int64_t)));
    }
    return bytes;
  }

  // Calls `visit(root)` for what backward of the call needs.
  template <class F>
  void VisitSaved(size_t c, F&& visit) const {
    if (!Reached(c)) return;
    const ir::Call& call = module_.calls[c];
    for (const std::string_view name : SplitView(call.op->saved, ' ')) {
      if (name == "result") {
        for (const ir::ValueId id : call.outputs) visit(Root(id));
        continue;
      }
      const int i = call.op->ArgIndex(name);
      if (i < 0) continue;
      ir::VisitValues(call.args[static_cast<size_t>(i)],
                      [&](const ir::ValueId& id) { visit(Root(id)); });
    }
  }

  void Saved(Memory& out) {
    for (size_t c = 0; c < module_.calls.size(); ++c) {
      int64_t first = Extra(c);
      VisitSaved(c, [&](size_t root) {
        if (!counted_[root] && saved_until_[root] < 0) first = Plus(first, RootBytes(root));
        // Backward passes the calls from the last to the first: the earliest reader frees the
        // storage.
        if (saved_until_[root] < 0) saved_until_[root] = static_cast<int>(c);
      });
      out.activations = Plus(out.activations, first);
      out.saved_by_call.push_back(first);
    }
  }

  int64_t Forward(int64_t base) const {
    int64_t live = base;
    int64_t peak = base;
    std::vector<std::vector<size_t>> freed(module_.calls.size());
    for (size_t root = 0; root < root_.size(); ++root) {
      const bool own = root_[root] == static_cast<int32_t>(root) && !counted_[root];
      if (!own || last_use_[root] < 0 || last_use_[root] >= static_cast<int>(freed.size()))
        continue;
      if (saved_until_[root] >= 0) continue;
      freed[static_cast<size_t>(last_use_[root])].push_back(root);
    }
    for (size_t c = 0; c < module_.calls.size(); ++c) {
      for (const ir::ValueId id : module_.calls[c].outputs) {
        if (Root(id) == At(id)) live = Plus(live, sizes_.Bytes(id));
      }
      if (training_) live = Plus(live, Extra(c));
      peak =
          std::max(peak, Plus(live, ForwardScratch(module_.calls[c], module_, sizes_, training_)));
      for (const size_t root : freed[c]) live -= RootBytes(root);
    }
    return peak;
  }

  // Starts with what forward has left: outputs, inputs, saved storages.
  int64_t Backward(const Memory& out) const {
    int64_t live = Plus(out.inputs, out.activations);
    std::vector<bool> kept(root_.size(), false);
    for (const ir::Output& output : module_.outputs) {
      const size_t root = Root(output.value);
      if (kept[root] || counted_[root] || saved_until_[root] >= 0) continue;
      kept[root] = true;
      live = Plus(live, RootBytes(root));
    }
    int64_t peak = live;
    Gradients gradients(root_.size());
    for (const ir::Output& output : module_.outputs) {
      if (grad_[At(output.value)] && !gradients.Has(At(output.value)))
        gradients.Make(At(output.value), sizes_.Bytes(output.value), false);
      gradients.Add();
    }
    std::vector<bool> freed(root_.size(), false);
    for (size_t c = module_.calls.size(); c-- > 0;) {
      const ir::Call& call = module_.calls[c];
      const bool arrives = std::any_of(call.outputs.begin(), call.outputs.end(),
                                       [&](ir::ValueId id) { return gradients.Has(At(id)); });
      if (arrives) {
        Contribute(c, &gradients);
        const bool first = !call.args.empty() && call.args[0].As<ir::ValueId>() != nullptr &&
                           grad_[At(*call.args[0].As<ir::ValueId>())];
        const int64_t scratch = handed_on_[c] ? 0 : BackwardScratch(call, module_, sizes_, first);
        peak = std::max(peak, Plus(live, Plus(gradients.live(), scratch)));
        gradients.Add();
        peak = std::max(peak, Plus(live, gradients.TakePeak()));
        for (const ir::ValueId id : call.outputs) gradients.Release(At(id));
      }
      live -= Extra(c);
      VisitSaved(c, [&](size_t root) {
        if (counted_[root] || freed[root] || saved_until_[root] != static_cast<int>(c)) return;
        freed[root] = true;
        live -= RootBytes(root);
      });
    }
    return peak;
  }

  // The gradients of the call's operands. Those of parameters stay: the optimizer's step comes
  // after. Those of inputs nobody asks for.
  void Contribute(size_t c, Gradients* gradients) const {
    const ir::Call& call = module_.calls[c];
    const size_t result = At(call.outputs[0]);
    const std::vector<std::string_view> passes = SplitView(call.op->passes, ' ');
    for (size_t a = 0; a < call.args.size(); ++a) {
      const bool passed =
          std::find(passes.begin(), passes.end(), call.op->args[a].name) != passes.end();
      const bool list = call.args[a].As<ir::ValueId>() == nullptr;
      ir::VisitValues(call.args[a], [&](const ir::ValueId& id) {
        if (!grad_[At(id)]) return;
        const bool equal = sizes_.Bytes(id) == sizes_.Bytes(call.outputs[0]);
        const bool view = call.op->view && equal;
        const bool shares = view || (handed_on_[c] && a == 0) || (passed && (list || equal));
        if (shares && gradients->Has(result)) {
          gradients->Share(At(id), result, sizes_.Bytes(id), view || list);
        } else {
          gradients->Make(At(id), sizes_.Bytes(id), counted_[At(id)]);
        }
      });
    }
  }

  const ir::Module& module_;
  const Sizes& sizes_;
  const bool training_;
  std::vector<bool> handed_on_;  // by call: its result is its operand
  std::vector<int32_t> root_;    // by value: the value whose storage it shares
  std::vector<bool> counted_;    // parameters and inputs
  std::vector<bool> grad_;       // backward reaches the value
  std::vector<int> last_use_;    // by storage: the last call that reads it
  std::vector<int>
      saved_until_;  // by storage: the call whose backward frees it, -1 where it is not saved
};

}  // namespace

Memory MeasureMemory(const ir::Module& module, const Sizes& sizes) {
  Memory out = Meter(module, sizes, /*training=*/true).Run();
  out.inference = Meter(module, sizes, /*training=*/false).Run().inference;
  return out;
}

}  // namespace graphkiln::estimate
