// Pages of lists that are ordered by name: sizes, and tokens bound to the list they belong to.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/coordinator/core/token.h"

namespace graphkiln::coordinator {

inline constexpr int64_t kDefaultPage = 50;
inline constexpr int64_t kLargestPage = 1000;

/// 0 is the default, more than the largest is the largest. Error: FIELD_INVALID for a negative
/// size.
absl::StatusOr<int64_t> PageSize(int32_t asked, int64_t default_size = kDefaultPage);

/// A list: its method and the parameters that select it, such as `ListGraphs/default`.
class PageTokens {
 public:
  PageTokens(const TokenSealer& sealer, std::string list)
      : sealer_(sealer), purpose_("page/" + list) {}
  /// Empty for the end of the list.
  std::string Next(std::string_view after) const;
  /// Name to continue after; empty for the first page. Error: TOKEN_INVALID, also for a token of
  /// another list.
  absl::StatusOr<std::string> After(std::string_view token) const;

 private:
  const TokenSealer& sealer_;
  const std::string purpose_;
};

}  // namespace graphkiln::coordinator
