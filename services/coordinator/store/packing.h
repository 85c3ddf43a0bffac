// How points and events lie in the database: packed, never a row per point.
//
//   metric chunk: version 1, count (varint), steps (first, then differences; zigzag varints),
//                 values (8 bytes each, little-endian)
//   event batch:  version 1, then per event: length (varint), serialized v1::Event
//
// Pure functions; reading trusts nothing (a damaged row is DATA_LOSS).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graphkiln/v1/job.pb.h"
#include "services/coordinator/core/event_cursor.h"

namespace graphkiln::coordinator {

std::string PackPoints(const std::vector<int64_t>& steps, const std::vector<double>& values);
/// Appends to `steps` and `values`.
absl::Status UnpackPoints(std::string_view chunk, std::vector<int64_t>& steps,
                          std::vector<double>& values);

std::string PackEvents(const std::vector<std::shared_ptr<const v1::Event>>& events);
/// Appends those after `after_seq` whose type is in `types` (0: all).
absl::Status UnpackEvents(std::string_view batch, int64_t after_seq, EventTypeSet types,
                          std::vector<std::shared_ptr<const v1::Event>>& events);
/// The types that occur.
EventTypeSet TypesOf(const std::vector<std::shared_ptr<const v1::Event>>& events);

}  // namespace graphkiln::coordinator
