// The optimizers and learning-rate schedules, in torch.optim's names and with its defaults.
#include "common/jobs/registry.h"

namespace graphkiln::jobs {
namespace {

using nodes::Bool;
using nodes::Float;
using nodes::FloatN;
using nodes::Int;
using nodes::Ints;
using nodes::ParamSpec;
using nodes::ParamValue;

ParamSpec LearningRate() { return Float("lr").Default(1e-3).Range(0, 1e6).Doc("learning rate"); }
ParamSpec WeightDecay(double value) {
  return Float("weight_decay").Default(value).Range(0, 1e6).Doc("weight decay");
}
ParamSpec Maximize() { return Bool("maximize").Default(false).Doc("maximize the objective"); }
ParamSpec Gamma() { return Float("gamma").Range(0, 1e3).Doc("factor of each decay"); }

std::vector<ParamSpec> AdamParams(double weight_decay) {
  return {LearningRate(),
          FloatN("betas", 2)
              .Default(ParamValue(std::vector<double>{0.9, 0.999}))
              .Range(0, 0.9999999999)
              .Doc("decay of the running means of the gradient and of its square"),
          Float("eps").Default(1e-8).Range(0, 1).Doc("added to the denominator"),
          WeightDecay(weight_decay),
          Bool("amsgrad").Default(false).Doc("use the AMSGrad variant"),
          Maximize()};
}

ComponentDef::Objection CheckSgd(const nodes::Params& params) {
  if (!params.Flag("nesterov")) return {};
  if (params.Float("momentum") <= 0) return {"nesterov", "nesterov needs a momentum above 0"};
  if (params.Float("dampening") != 0) return {"nesterov", "nesterov needs a dampening of 0"};
  return {};
}

int64_t SgdMoments(const nodes::Params& params) { return params.Float("momentum") != 0 ? 1 : 0; }

// The means of the gradient and of its square; AMSGrad keeps the largest of the latter.
int64_t AdamMoments(const nodes::Params& params) { return params.Flag("amsgrad") ? 3 : 2; }

ComponentDef::Objection CheckMilestones(const nodes::Params& params) {
  const std::vector<int64_t> milestones = params.Ints("milestones");
  for (size_t i = 1; i < milestones.size(); ++i) {
    if (milestones[i] <= milestones[i - 1]) return {"milestones", "milestones must rise"};
  }
  return {};
}

}  // namespace

const std::vector<ComponentDef>& Optimizers() {
  static const auto& table = *new std::vector<ComponentDef>{
      {"SGD",
       "Stochastic gradient descent, with momentum if asked for.",
       {LearningRate(), Float("momentum").Default(0).Range(0, 1e3).Doc("momentum factor"),
        Float("dampening").Default(0).Range(-1e3, 1e3).Doc("dampening of the momentum"),
        WeightDecay(0), Bool("nesterov").Default(false).Doc("Nesterov momentum; needs momentum"),
        Maximize()},
       "optim.SGD",
       CheckSgd,
       SgdMoments},
      {"Adam", "Adaptive moments; weight decay is added to the gradient.", AdamParams(0),
       "optim.Adam", nullptr, AdamMoments},
      {"AdamW", "Adaptive moments; weight decay is applied to the weights.", AdamParams(1e-2),
       "optim.AdamW", nullptr, AdamMoments},
  };
  return table;
}

const std::vector<ComponentDef>& Schedulers() {
  static const auto& table = *new std::vector<ComponentDef>{
      {"StepLR",
       "Multiplies the learning rate by gamma every step_size epochs.",
       {Int("step_size").Required().Range(1, 1e12).Doc("epochs between decays"),
        Gamma().Default(0.1)},
       "optim.lr_scheduler.StepLR",
       nullptr},
      {"MultiStepLR",
       "Multiplies the learning rate by gamma at each milestone.",
       {Ints("milestones").Required().Range(1, 1e12).Doc("epochs, rising"), Gamma().Default(0.1)},
       "optim.lr_scheduler.MultiStepLR",
       CheckMilestones},
      {"ExponentialLR",
       "Multiplies the learning rate by gamma every epoch.",
       {Gamma().Required()},
       "optim.lr_scheduler.ExponentialLR",
       nullptr},
      {"CosineAnnealingLR",
       "Half a cosine from the learning rate down to eta_min over T_max epochs.",
       {Int("T_max").Required().Range(1, 1e12).Doc("epochs of the half wave"),
        Float("eta_min").Default(0).Range(0, 1e6).Doc("smallest learning rate")},
       "optim.lr_scheduler.CosineAnnealingLR",
       nullptr},
      {"LinearLR",
       "From start_factor to end_factor times the learning rate over total_iters epochs.",
       {Float("start_factor").Default(1.0 / 3).Above(0).Max(1).Doc("first factor"),
        Float("end_factor").Default(1.0).Range(0, 1).Doc("last factor"),
        Int("total_iters").Default(5).Range(1, 1e12).Doc("epochs until the last factor")},
       "optim.lr_scheduler.LinearLR",
       nullptr},
      {"ConstantLR",
       "factor times the learning rate for total_iters epochs, then the learning rate itself.",
       {Float("factor").Default(1.0 / 3).Range(0, 1).Doc("factor until then"),
        Int("total_iters").Default(5).Range(0, 1e12).Doc("epochs with the factor")},
       "optim.lr_scheduler.ConstantLR",
       nullptr},
  };
  return table;
}

}  // namespace graphkiln::jobs
