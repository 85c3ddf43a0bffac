#include "services/worker/trainer/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "services/worker/trainer/component.h"
#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {

Optimizer::Optimizer(std::vector<NamedTensor> parameters, std::vector<std::string> state_names,
                     double base_rate)
    : parameters_(std::move(parameters)),
      state_names_(std::move(state_names)),
      base_rate_(base_rate) {
  const at::NoGradGuard no_grad;
  step_ = at::zeros({}, at::kFloat);
  for (size_t i = 0; i < state_names_.size(); ++i) {
    std::vector<at::Tensor>& list = state_.emplace_back();
    for (const NamedTensor& parameter : parameters_) {
      list.push_back(at::zeros_like(parameter.tensor, at::MemoryFormat::Preserve));
    }
  }
  lists_.state.resize(state_names_.size());
}

// The set of parameters that receive gradients is the program's and does not change between steps;
// still it is read from the tensors, because only autograd knows it.
void Optimizer::Collect() {
  lists_.gradients.clear();
  size_t with_gradient = 0;
  for (const NamedTensor& parameter : parameters_) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    lists_.gradients.push_back(gradient);
    ++with_gradient;
  }
  if (with_gradient == lists_.parameters.size()) return;
  lists_.parameters.clear();
  for (std::vector<at::Tensor>& list : lists_.state) list.clear();
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].tensor.grad().defined()) continue;
    lists_.parameters.push_back(parameters_[i].tensor);
    for (size_t s = 0; s < state_.size(); ++s) lists_.state[s].push_back(state_[s][i]);
  }
  lists_.steps.assign(with_gradient, step_);
}

void Optimizer::Step(double rate) {
  const at::NoGradGuard no_grad;
  Collect();
  // One counter for all parameters: they step together. A float counts exactly to 2^24; torch.optim
  // has the same bound.
  step_.add_(1);
  if (!lists_.parameters.empty()) Apply(lists_, rate);
}

void Optimizer::ClearGradients() {
  for (const NamedTensor& parameter : parameters_) parameter.tensor.mutable_grad().reset();
}

std::vector<NamedTensor> Optimizer::State() const {
  std::vector<NamedTensor> all;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    for (size_t s = 0; s < state_.size(); ++s) {
      all.push_back({fmt::format("{}.{}", parameters_[i].name, state_names_[s]), state_[s][i]});
    }
  }
  all.push_back({"step", step_});
  return all;
}

int64_t Optimizer::steps() const { return static_cast<int64_t>(step_.item<float>()); }

namespace {

class Sgd final : public Optimizer {
 public:
  static absl::StatusOr<std::unique_ptr<Optimizer>> Make(const api::Component& c,
                                                         std::vector<NamedTensor> parameters) {
    Options o;
    ASSIGN_OR_RETURN(o.rate, NumberParam(c, "lr", 1e-3));
    ASSIGN_OR_RETURN(o.momentum, NumberParam(c, "momentum", 0));
    ASSIGN_OR_RETURN(o.dampening, NumberParam(c, "dampening", 0));
    ASSIGN_OR_RETURN(o.weight_decay, NumberParam(c, "weight_decay", 0));
    ASSIGN_OR_RETURN(o.nesterov, BoolParam(c, "nesterov", false));
    ASSIGN_OR_RETURN(o.maximize, BoolParam(c, "maximize", false));
    if (o.nesterov && (o.momentum <= 0 || o.dampening != 0)) {
      return UserFault(reason::kUnsupported,
                       "SGD: nesterov needs a momentum above 0 and no dampening");
    }
    return std::unique_ptr<Optimizer>(new Sgd(std::move(parameters), o));
  }

 private:
  struct Options {
    double rate = 0, momentum = 0, dampening = 0, weight_decay = 0;
    bool nesterov = false, maximize = false;
  };

  Sgd(std::vector<NamedTensor> parameters, Options options)
      : Optimizer(std::move(parameters),
                  options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                        : std::vector<std::string>{},
                  options.rate),
        options_(options) {}

  void Apply(const Lists& lists, double rate) override {
    const bool first = steps() == 1;  // the buffer then becomes the gradient itself
    at::_fused_sgd_(lists.parameters, lists.gradients,
                    lists.state.empty() ? at::TensorList{} : at::TensorList(lists.state[0]),
                    options_.weight_decay, options_.momentum, rate, options_.dampening,
                    options_.nesterov, options_.maximize, first);
  }

  const Options options_;
};

// Adam and AdamW differ in where weight decay goes, which ATen has as two kernels.
class Adam final : public Optimizer {
 public:
  template <bool kDecoupled>
  static absl::StatusOr<std::unique_ptr<Optimizer>> Make(const api::Component& c,
                                                         std::vector<NamedTensor> parameters) {
    Options o;
    o.decoupled = kDecoupled;
    ASSIGN_OR_RETURN(o.rate, NumberParam(c, "lr", 1e-3));
    ASSIGN_OR_RETURN(const std::vector<double> betas, NumbersParam(c, "betas", {0.9, 0.999}));
    if (betas.size() != 2) {
      return UserFault(reason::kUnsupported,
                       fmt::format("{}: betas must be two numbers", c.type()));
    }
    o.beta1 = betas[0];
    o.beta2 = betas[1];
    ASSIGN_OR_RETURN(o.eps, NumberParam(c, "eps", 1e-8));
    ASSIGN_OR_RETURN(o.weight_decay, NumberParam(c, "weight_decay", kDecoupled ? 1e-2 : 0));
    ASSIGN_OR_RETURN(o.amsgrad, BoolParam(c, "amsgrad", false));
    ASSIGN_OR_RETURN(o.maximize, BoolParam(c, "maximize", false));
    return std::unique_ptr<Optimizer>(new Adam(std::move(parameters), o));
  }

 private:
  struct Options {
    double rate = 0, beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0;
    bool amsgrad = false, maximize = false, decoupled = false;
  };

  static std::vector<std::string> StateNames(const Options& options) {
    std::vector<std::string> names = {"exp_avg", "exp_avg_sq"};
    if (options.amsgrad) names.push_back("max_exp_avg_sq");
    return names;
  }

  Adam(std::vector<NamedTensor> parameters, Options options)
      : Optimizer(std::move(parameters), StateNames(options), options.rate), options_(options) {}

  void Apply(const Lists& lists, double rate) override {
    const at::TensorList max_exp_avg_sqs =
        options_.amsgrad ? at::TensorList(lists.state[2]) : at::TensorList{};
    const auto step = options_.decoupled ? static_cast<FusedStep>(at::_fused_adamw_)
                                         : static_cast<FusedStep>(at::_fused_adam_);
    step(lists.parameters, lists.gradients, lists.state[0], lists.state[1], max_exp_avg_sqs,
         lists.steps, rate, options_.beta1, options_.beta2, options_.weight_decay, options_.eps,
         options_.amsgrad, options_.maximize, {}, {});
  }

  using FusedStep = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                             at::TensorList, at::TensorList, double, double, double, double, double,
                             bool, bool, const std::optional<at::Tensor>&,
                             const std::optional<at::Tensor>&);

  const Options options_;
};

struct Row {
  std::string_view type;
  absl::StatusOr<std::unique_ptr<Optimizer>> (*make)(const api::Component&,
                                                     std::vector<NamedTensor>);
};

constexpr Row kTable[] = {
    {"SGD", Sgd::Make},
    {"Adam", Adam::Make<false>},
    {"AdamW", Adam::Make<true>},
};

}  // namespace

absl::StatusOr<std::unique_ptr<Optimizer>> Optimizer::Create(const api::Component& component,
                                                             std::vector<NamedTensor> parameters) {
  for (const Row& row : kTable) {
    if (row.type == component.type()) return row.make(component, std::move(parameters));
  }
  return UserFault(reason::kUnsupported,
                   fmt::format("optimizer {} is not implemented", component.type()));
}

}  // namespace graphkiln::trainer
