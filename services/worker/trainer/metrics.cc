#include "services/worker/trainer/metrics.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <limits>

#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double Ratio(double sum, int64_t count) {
  return count > 0 ? sum / static_cast<double>(count) : kNone;
}

// Share of targets whose class has the highest score. Scores stand in dimension 1, as in
// CrossEntropyLoss (dimension 0 where there is no batch dimension).
class Accuracy final : public Metric {
 public:
  void Update(const at::Tensor& output, const at::Tensor& target) override {
    const at::Tensor predicted = output.argmax(output.dim() > 1 ? 1 : 0);
    hits_ += predicted.eq(target).sum().item<int64_t>();
    count_ += target.numel();
  }
  double Compute() const override { return Ratio(static_cast<double>(hits_), count_); }
  void Reset() override { hits_ = count_ = 0; }

 private:
  int64_t hits_ = 0;
  int64_t count_ = 0;
};

template <bool kSquared>
class MeanError final : public Metric {
 public:
  void Update(const at::Tensor& output, const at::Tensor& target) override {
    const at::Tensor error = output.to(at::kDouble).reshape_as(target).sub(target.to(at::kDouble));
    sum_ += (kSquared ? error.square() : error.abs()).sum().item<double>();
    count_ += target.numel();
  }
  double Compute() const override { return Ratio(sum_, count_); }
  void Reset() override {
    sum_ = 0;
    count_ = 0;
  }

 private:
  double sum_ = 0;
  int64_t count_ = 0;
};

// 1 - residual / total sum of squares, per column of the target, then the mean of the columns. Sums
// are taken about the first row seen, so a large common offset costs no precision.
class R2 final : public Metric {
 public:
  void Update(const at::Tensor& output, const at::Tensor& target) override {
    if (target.numel() == 0) return;
    const int64_t rows = target.dim() > 0 ? target.size(0) : 1;
    const at::Tensor wanted = target.to(at::kDouble).reshape({rows, -1});
    const at::Tensor found = output.to(at::kDouble).reshape({rows, -1});
    if (!origin_.defined()) {
      origin_ = wanted[0].clone();
      residual_ = at::zeros_like(origin_);
      sum_ = at::zeros_like(origin_);
      square_sum_ = at::zeros_like(origin_);
    }
    const at::Tensor centred = wanted - origin_;
    residual_ += (wanted - found).square().sum(0);
    sum_ += centred.sum(0);
    square_sum_ += centred.square().sum(0);
    rows_ += rows;
  }
  double Compute() const override {
    if (rows_ < 2) return kNone;
    const at::Tensor total = square_sum_ - sum_.square() / static_cast<double>(rows_);
    return (1 - residual_ / total).mean().item<double>();
  }
  void Reset() override {
    origin_.reset();
    rows_ = 0;
  }

 private:
  at::Tensor origin_, residual_, sum_, square_sum_;
  int64_t rows_ = 0;
};

struct Row {
  std::string_view name;
  bool class_indices;
  std::unique_ptr<Metric> (*make)();
};

template <class T>
std::unique_ptr<Metric> Make() {
  return std::make_unique<T>();
}

constexpr Row kTable[] = {
    {"accuracy", true, Make<Accuracy>},
    {"mse", false, Make<MeanError<true>>},
    {"mae", false, Make<MeanError<false>>},
    {"r2", false, Make<R2>},
};

}  // namespace

absl::StatusOr<std::unique_ptr<Metric>> Metric::Create(std::string_view name,
                                                       at::ScalarType target_dtype) {
  for (const Row& row : kTable) {
    if (row.name != name) continue;
    if (row.class_indices != c10::isIntegralType(target_dtype, /*includeBool=*/false)) {
      return UserFault(reason::kUnsupported,
                       fmt::format("metric {} needs {} as target", name,
                                   row.class_indices ? "class indices" : "real numbers"));
    }
    return row.make();
  }
  return UserFault(reason::kUnsupported, fmt::format("metric {} is not implemented", name));
}

}  // namespace graphkiln::trainer
