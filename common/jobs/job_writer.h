// v1::JobSpec -> job file: what `kiln submit --dry-run` and `kiln describe job` show. What is
// written reads back to the same spec. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "graphkiln/v1/job.pb.h"
#include "nlohmann/json.hpp"

namespace graphkiln::jobs {

/// The job in the schema's order. `graph` is shown as the job's graph where it is given (the path
/// that the user wrote), else name or hash of the source.
nlohmann::ordered_json JobJson(const v1::JobSpec& spec, std::string_view graph = {});

/// Any JSON value as YAML text: block maps, flow lists of scalars; strings are quoted where YAML
/// would read them as something else.
std::string YamlText(const nlohmann::ordered_json& value);

}  // namespace graphkiln::jobs
