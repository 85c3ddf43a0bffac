#include "services/worker/trainer/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "common/base/random.h"
#include "common/base/shares.h"
#include "common/base/status.h"
#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

std::vector<int64_t> Numbers(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// How many of each class a part of `total` rows gets: the whole part of the share, then one more by
// largest remainder (the smaller class first where they are equal).
std::vector<int64_t> Apportion(double fraction, int64_t total, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> counts;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t given = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double share = fraction * static_cast<double>(sizes[i]);
    counts.push_back(static_cast<int64_t>(std::floor(share)));
    given += counts.back();
    remainders.emplace_back(-(share - std::floor(share)), i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; i < remainders.size() && given < total; ++i) {
    ++counts[remainders[i].second];
    ++given;
  }
  return counts;
}

absl::Status CheckPart(const char* name, double fraction, int64_t part, int64_t rows) {
  if (part > 0 || fraction <= 0) return absl::OkStatus();
  return UserFault(
      reason::kDataInvalid,
      fmt::format("data.split.{}: {} of {} rows rounds to no row", name, fraction, rows));
}

void Take(std::vector<int64_t>& from, int64_t count, std::vector<int64_t>& to) {
  const auto taken = std::min<int64_t>(count, static_cast<int64_t>(from.size()));
  to.insert(to.end(), from.end() - taken, from.end());
  from.resize(from.size() - static_cast<size_t>(taken));
}

}  // namespace

absl::StatusOr<SplitRows> SplitTable(const api::SplitSpec& spec, uint64_t job_seed, int64_t rows,
                                     absl::Span<const int64_t> classes) {
  const double validation = spec.validation();
  const double test = spec.test();
  if (!(validation >= 0 && test >= 0 && validation + test < 1)) {
    return UserFault(reason::kDataInvalid, "data.split: the fractions must leave training rows");
  }
  Philox random(spec.has_seed() ? spec.seed() : job_seed, "split");
  const int64_t test_rows = RowsOfShare(test, rows);
  const int64_t validation_rows = RowsOfShare(validation, rows);
  RETURN_IF_ERROR(CheckPart("validation", validation, validation_rows, rows));
  RETURN_IF_ERROR(CheckPart("test", test, test_rows, rows));
  SplitRows parts;

  // One group per class, or one for all rows; classes ascend, so their order is not the data's.
  std::map<int64_t, std::vector<int64_t>> groups;
  if (spec.stratify() && !classes.empty()) {
    for (int64_t row = 0; row < rows; ++row) {
      groups[classes[static_cast<size_t>(row)]].push_back(row);
    }
  } else {
    groups[0] = Numbers(rows);
  }
  std::vector<int64_t> sizes;
  for (const auto& [label, members] : groups) sizes.push_back(static_cast<int64_t>(members.size()));
  const std::vector<int64_t> test_counts = Apportion(test, test_rows, sizes);
  const std::vector<int64_t> validation_counts = Apportion(validation, validation_rows, sizes);
  size_t group = 0;
  for (auto& [label, members] : groups) {
    random.Shuffle(members);
    Take(members, test_counts[group], parts.test);
    Take(members, validation_counts[group], parts.validation);
    parts.train.insert(parts.train.end(), members.begin(), members.end());
    ++group;
  }
  if (parts.train.empty()) {
    return UserFault(reason::kDataInvalid,
                     fmt::format("data.split leaves no training rows of {}", rows));
  }
  for (std::vector<int64_t>* part : {&parts.train, &parts.validation, &parts.test}) {
    std::sort(part->begin(), part->end());
  }
  return parts;
}

std::vector<int64_t> EpochOrder(uint64_t seed, int64_t epoch, int64_t rows) {
  std::vector<int64_t> order = Numbers(rows);
  Philox(seed, fmt::format("shuffle/{}", epoch)).Shuffle(order);
  return order;
}

}  // namespace graphkiln::trainer
