#include "services/coordinator/rpc/paging.h"

#include <algorithm>

#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {

absl::StatusOr<int64_t> PageSize(int32_t asked, int64_t default_size) {
  if (asked < 0) return FieldError("page_size", "must not be negative");
  if (asked == 0) return default_size;
  return std::min<int64_t>(asked, kLargestPage);
}

std::string PageTokens::Next(std::string_view after) const {
  return after.empty() ? std::string() : sealer_.Seal(purpose_, after);
}

absl::StatusOr<std::string> PageTokens::After(std::string_view token) const {
  if (token.empty()) return std::string();
  return sealer_.Open(purpose_, token);
}

}  // namespace graphkiln::coordinator
