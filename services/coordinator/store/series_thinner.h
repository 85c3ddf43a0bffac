// Thins a series while it is read, so that a long one costs no more memory than a short one.
//
// What a newer run has trained again replaces what came before: the steps stay rising. Up to eight
// times the wanted points are kept as they are; beyond that every second one goes, then every
// second of those, and so on. The last point is always kept. Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graphkiln::coordinator {

class SeriesThinner {
 public:
  /// REQUIRES: most > 0.
  explicit SeriesThinner(int64_t most);

  void Add(int64_t step, double value);
  /// At most `most` points, evenly chosen, with the first and the last (of one: the last).
  void Finish(int64_t most, std::vector<int64_t>& steps, std::vector<double>& values);

  /// For tests of the bound.
  size_t kept() const { return points_.size(); }

 private:
  struct Point {
    int64_t step;
    double value;
  };
  void Halve();

  const size_t capacity_;
  std::vector<Point> points_;  // every stride_-th one, and perhaps the last behind them
  int64_t stride_ = 1;
  int64_t since_ = 0;        // points since the last that falls on the stride
  bool loose_last_ = false;  // the last of points_ does not fall on the stride
};

}  // namespace graphkiln::coordinator
