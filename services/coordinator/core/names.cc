#include "services/coordinator/core/names.h"

#include <fmt/format.h>

#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

constexpr std::string_view kIdRule = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?";

absl::Status BadName(std::string_view what, std::string_view name, std::string_view form) {
  return FieldError("name", fmt::format("{} is not a {} name; expected {} or an id like {}",
                                        QuoteForMessage(name), what, form, kIdRule));
}

}  // namespace

absl::StatusOr<ResourceName> ParseResourceName(std::string_view kind, std::string_view name) {
  const std::string form = fmt::format("projects/PROJECT/{}/NAME", kind);
  if (IsResourceId(name)) return ResourceName{std::string(kDefaultProject), std::string(name)};
  const std::vector<std::string_view> parts = SplitView(name.substr(0, 256), '/');
  if (name.size() > 256 || parts.size() != 4 || parts[0] != "projects" || parts[2] != kind ||
      !IsResourceId(parts[1]) || !IsResourceId(parts[3])) {
    return BadName(kind, name, form);
  }
  return ResourceName{std::string(parts[1]), std::string(parts[3])};
}

std::string FormatResourceName(std::string_view project, std::string_view kind,
                               std::string_view id) {
  return fmt::format("projects/{}/{}/{}", project, kind, id);
}

absl::StatusOr<std::string> ParseParent(std::string_view parent) {
  if (parent.empty()) return std::string(kDefaultProject);
  constexpr std::string_view kPrefix = "projects/";
  std::string_view id = parent;
  if (id.substr(0, kPrefix.size()) == kPrefix) id.remove_prefix(kPrefix.size());
  if (!IsResourceId(id)) return BadName("project", parent, "projects/PROJECT");
  return std::string(id);
}

absl::StatusOr<std::string> CanonicalWorkerName(std::string_view name) {
  constexpr std::string_view kPrefix = "workers/";
  std::string_view id = name;
  if (id.substr(0, kPrefix.size()) == kPrefix) id.remove_prefix(kPrefix.size());
  if (!IsResourceId(id)) return BadName("worker", name, "workers/NAME");
  return fmt::format("workers/{}", id);
}

absl::StatusOr<std::string> CanonicalJobName(std::string_view name) {
  ASSIGN_OR_RETURN(const ResourceName parsed, ParseResourceName("jobs", name));
  return FormatResourceName(parsed.project, "jobs", parsed.id);
}

}  // namespace graphkiln::coordinator
