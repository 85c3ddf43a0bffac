// Resource names: `projects/{project}/jobs/{job}`, `workers/{worker}`. A bare NAME is short for
// `projects/default/<kind>/NAME`. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace graphkiln::coordinator {

inline constexpr std::string_view kDefaultProject = "default";

struct ResourceName {
  std::string project;
  std::string id;
};

/// Parses `projects/{project}/{kind}/{id}` or a bare `{id}`; `kind` is `jobs`, `graphs`,
/// `datasets`.
absl::StatusOr<ResourceName> ParseResourceName(std::string_view kind, std::string_view name);
std::string FormatResourceName(std::string_view project, std::string_view kind,
                               std::string_view id);

/// Parses `projects/{project}`, a bare project id, or "" for the default project.
absl::StatusOr<std::string> ParseParent(std::string_view parent);

/// Parses `workers/{worker}` or a bare id; returns the full name.
absl::StatusOr<std::string> CanonicalWorkerName(std::string_view name);

/// The full name of a job: canonical form of `name`.
absl::StatusOr<std::string> CanonicalJobName(std::string_view name);

}  // namespace graphkiln::coordinator
