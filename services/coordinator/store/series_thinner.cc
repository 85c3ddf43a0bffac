#include "services/coordinator/store/series_thinner.h"

#include <algorithm>

namespace graphkiln::coordinator {
namespace {

constexpr int64_t kSpare = 8;
constexpr int64_t kLeastCapacity = 65'536;
constexpr int64_t kMostCapacity = int64_t{1} << 21;

}  // namespace

SeriesThinner::SeriesThinner(int64_t most)
    : capacity_(static_cast<size_t>(
          std::clamp(std::min(most, kMostCapacity) * kSpare, kLeastCapacity, kMostCapacity))) {}

void SeriesThinner::Add(int64_t step, double value) {
  while (!points_.empty() && points_.back().step >= step) {
    points_.pop_back();
    loose_last_ = false;
    since_ = 0;
  }
  const bool falls = points_.empty() || since_ + 1 >= stride_;
  if (loose_last_) points_.pop_back();
  points_.push_back({step, value});
  loose_last_ = !falls;
  since_ = falls ? 0 : since_ + 1;
  if (points_.size() >= capacity_) Halve();
}

void SeriesThinner::Halve() {
  const Point last = points_.back();
  if (loose_last_) points_.pop_back();
  const size_t strided = points_.size();
  for (size_t i = 1; 2 * i < strided; ++i) points_[i] = points_[2 * i];
  points_.resize((strided + 1) / 2);
  // The last one falls on the wider stride where an odd number of points was there.
  if (strided % 2 == 0) since_ += stride_;
  stride_ *= 2;
  loose_last_ = points_.back().step != last.step;
  if (loose_last_) points_.push_back(last);
}

void SeriesThinner::Finish(int64_t most, std::vector<int64_t>& steps, std::vector<double>& values) {
  const auto count = static_cast<int64_t>(points_.size());
  const int64_t wanted = std::min(std::max<int64_t>(most, 1), count);
  steps.clear();
  values.clear();
  for (int64_t i = 0; i < wanted; ++i) {
    const int64_t from =
        wanted == count ? i : (wanted == 1 ? count - 1 : i * (count - 1) / (wanted - 1));
    steps.push_back(points_[static_cast<size_t>(from)].step);
    values.push_back(points_[static_cast<size_t>(from)].value);
  }
}

}  // namespace graphkiln::coordinator
