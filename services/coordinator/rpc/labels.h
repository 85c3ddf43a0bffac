// Labels that clients give to what they save: bounded as those of jobs (common/jobs/resolve.cc), so
// that a page of a list stays small. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/map.h"

namespace graphkiln::coordinator {

inline constexpr int kMaxLabels = 64;
inline constexpr size_t kMaxLabelBytes = 256;

/// `field` is their place in the request. Error: FIELD_INVALID at the label.
absl::Status CheckLabels(std::string_view field,
                         const google::protobuf::Map<std::string, std::string>& labels);

}  // namespace graphkiln::coordinator
