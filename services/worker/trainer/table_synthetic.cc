// Made-up data, a function of the seed alone: normal inputs and a target that a linear teacher
// gives, so that a model can learn it.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/table.h"

namespace graphkiln::trainer {
namespace {

constexpr int64_t kMaxBytes = int64_t{8} << 30;
constexpr int64_t kDefaultIndexLimit = 2;

int64_t Product(const std::vector<int64_t>& sizes) {
  ir::Dim product(1);
  for (const int64_t size : sizes) product = product * ir::Dim(size);
  return product.value();
}

std::vector<int64_t> WithRows(int64_t rows, const std::vector<int64_t>& row_shape) {
  std::vector<int64_t> shape = {rows};
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  return shape;
}

// Counts what was done and asks now and then; stays true once it was.
class Watch {
 public:
  explicit Watch(const Interrupted& interrupted) : interrupted_(interrupted) {}

  bool Stopped(int64_t work) {
    work_ += work;
    if (!stopped_ && work_ >= kWorkPerPoll && interrupted_) {
      work_ = 0;
      stopped_ = interrupted_();
    }
    return stopped_;
  }

 private:
  static constexpr int64_t kWorkPerPoll = 1 << 18;
  const Interrupted& interrupted_;
  int64_t work_ = 0;
  bool stopped_ = false;
};

// All of these end early, with some of their numbers missing, when the watch stops them.

at::Tensor MakeInput(Philox& random, int64_t rows, int64_t per_row, bool integers, int64_t limit,
                     Watch& watch) {
  at::Tensor values = at::empty({rows, per_row}, at::kFloat);
  auto* data = values.mutable_data_ptr<float>();
  const int64_t count = values.numel();
  for (int64_t i = 0; i < count && !watch.Stopped(1); ++i) {
    data[i] = integers ? static_cast<float>(random.NextBelow(static_cast<uint64_t>(limit)))
                       : static_cast<float>(random.NextNormal());
  }
  return values;
}

at::Tensor NormalMatrix(Philox& random, int64_t rows, int64_t columns, Watch& watch) {
  at::Tensor matrix = at::empty({rows, columns}, at::kFloat);
  auto* data = matrix.mutable_data_ptr<float>();
  const int64_t count = matrix.numel();
  for (int64_t i = 0; i < count && !watch.Stopped(1); ++i) {
    data[i] = static_cast<float>(random.NextNormal());
  }
  return matrix;
}

// features * teacher / sqrt(width) in double and in a fixed order: a BLAS would give other sums,
// and so now and then another label, on another processor.
at::Tensor Teach(const at::Tensor& features, const at::Tensor& teacher, Watch& watch) {
  const int64_t rows = features.size(0);
  const int64_t width = features.size(1);
  const int64_t scores = teacher.size(1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(std::max<int64_t>(width, 1)));
  at::Tensor values = at::empty({rows, scores}, at::kFloat);
  const auto* x = features.const_data_ptr<float>();
  const auto* w = teacher.const_data_ptr<float>();
  auto* out = values.mutable_data_ptr<float>();
  std::vector<double> sums(static_cast<size_t>(scores));
  for (int64_t row = 0; row < rows && !watch.Stopped(width * scores); ++row) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t i = 0; i < width; ++i) {
      const double value = x[row * width + i];
      for (int64_t s = 0; s < scores; ++s)
        sums[static_cast<size_t>(s)] += value * w[i * scores + s];
    }
    for (int64_t s = 0; s < scores; ++s) {
      out[row * scores + s] = static_cast<float>(sums[static_cast<size_t>(s)] * scale);
    }
  }
  return values;
}

}  // namespace

absl::StatusOr<Table> MakeSyntheticTable(const TableRequest& request) {
  const api::SyntheticSource& source = request.spec->synthetic();
  const int64_t rows = source.rows();
  if (rows < 1 || rows > 10'000'000) {
    return UserFault(reason::kDataInvalid, "data.synthetic.rows must be 1 to 10,000,000");
  }
  const bool class_target = c10::isIntegralType(request.target.dtype, false);
  if (class_target && source.classes() < 2) {
    return UserFault(reason::kDataInvalid,
                     "data.synthetic.classes must be 2 or more: the loss wants class indices");
  }
  if (!class_target && source.classes() != 0) {
    return UserFault(reason::kDataInvalid,
                     "data.synthetic.classes is given, but the loss wants real numbers");
  }
  if (request.classes > 0 && source.classes() > request.classes) {
    return UserFault(reason::kDataInvalid,
                     fmt::format("data.synthetic.classes is {}, but the model has {} outputs",
                                 source.classes(), request.classes));
  }
  if (request.inputs.empty()) {
    return UserFault(reason::kDataInvalid, "the model has no inputs to make data for");
  }
  const absl::Status cancelled = absl::CancelledError("CANCELLED: cancelled");
  Watch watch(request.interrupted);
  Table table;
  table.rows = rows;
  std::vector<at::Tensor> flat;
  ir::Dim bytes(0);
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const PlanInput& input = request.inputs[i];
    ASSIGN_OR_RETURN(const std::vector<int64_t> row_shape, RowShape(input, 0));
    const int64_t per_row = Product(row_shape);
    bytes = bytes + ir::Dim(rows) * ir::Dim(per_row) * ir::Dim(4);
    if (bytes.value() > kMaxBytes) {
      return UserFault(reason::kDataInvalid,
                       fmt::format("synthetic data of {} rows exceed {}", rows,
                                   HumanBytes(static_cast<uint64_t>(kMaxBytes))));
    }
    const bool integers = c10::isIntegralType(input.dtype, /*includeBool=*/false);
    int64_t limit = i < request.index_limits.size() ? request.index_limits[i] : 0;
    if (limit <= 0) limit = kDefaultIndexLimit;
    Philox random(request.seed, "synthetic/" + input.name);
    flat.push_back(MakeInput(random, rows, per_row, integers, limit, watch));
    if (watch.Stopped(0)) return cancelled;
    table.names.push_back(input.name);
    table.inputs.push_back(flat.back().to(input.dtype).reshape(WithRows(rows, row_shape)));
  }

  ASSIGN_OR_RETURN(const std::vector<int64_t> target_shape, RowShape(request.target, 0));
  const int64_t per_row = Product(target_shape);
  const at::Tensor features = at::cat(flat, 1).contiguous();
  const int64_t scores = per_row * (class_target ? source.classes() : 1);
  Philox random(request.seed, "synthetic/teacher");
  const at::Tensor teacher = NormalMatrix(random, features.size(1), scores, watch);
  at::Tensor values = Teach(features, teacher, watch);
  if (source.noise() > 0) {
    Philox noise(request.seed, "synthetic/noise");
    values.add_(NormalMatrix(noise, rows, scores, watch), source.noise());
  }
  if (watch.Stopped(0)) return cancelled;
  if (class_target) values = values.reshape({rows, per_row, source.classes()}).argmax(2);
  table.target = values.to(request.target.dtype).reshape(WithRows(rows, target_shape)).contiguous();
  return table;
}

}  // namespace graphkiln::trainer
