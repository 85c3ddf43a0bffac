#include "services/coordinator/rpc/labels.h"

#include <fmt/format.h>

#include "common/base/strings.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {

absl::Status CheckLabels(std::string_view field,
                         const google::protobuf::Map<std::string, std::string>& labels) {
  if (labels.size() > kMaxLabels) {
    return FieldError(
        field, fmt::format("has {} entries, at most {} are allowed", labels.size(), kMaxLabels));
  }
  for (const auto& [key, value] : labels) {
    if (key.empty() || key.size() > kMaxLabelBytes) {
      return FieldError(field, fmt::format("the key {} has {} bytes, 1 to {} are allowed",
                                           QuoteForMessage(key), key.size(), kMaxLabelBytes));
    }
    if (value.size() > kMaxLabelBytes) {
      return FieldError(
          fmt::format("{}[{}]", field, QuoteForMessage(key)),
          fmt::format("has {} bytes, at most {} are allowed", value.size(), kMaxLabelBytes));
    }
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::coordinator
