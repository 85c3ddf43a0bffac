#include "services/coordinator/core/worker_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

std::string_view IdOf(std::string_view worker) {
  constexpr std::string_view kPrefix = "workers/";
  if (worker.substr(0, kPrefix.size()) == kPrefix) worker.remove_prefix(kPrefix.size());
  return worker;
}

}  // namespace

const WorkerNames& WorkerNames::Any() {
  static const WorkerNames* any = new WorkerNames(Matching("*"));
  return *any;
}

WorkerNames WorkerNames::Matching(std::string_view pattern) {
  WorkerNames names;
  if (!pattern.empty() && pattern.back() == '*') {
    names.prefixes_.emplace_back(pattern.substr(0, pattern.size() - 1));
  } else {
    names.names_.emplace_back(pattern);
  }
  return names;
}

WorkerNames WorkerNames::Exactly(const std::vector<std::string>& ids) {
  WorkerNames names;
  for (const std::string& id : ids) {
    if (IsResourceId(id)) names.names_.push_back(id);
  }
  return names;
}

bool WorkerNames::Covers(std::string_view worker) const {
  const std::string_view id = IdOf(worker);
  return std::find(names_.begin(), names_.end(), id) != names_.end() ||
         std::any_of(prefixes_.begin(), prefixes_.end(), [id](const std::string& prefix) {
           return id.substr(0, prefix.size()) == prefix;
         });
}

absl::Status WorkerNames::Check(std::string_view worker) const {
  if (Covers(worker)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, v1::ERROR_REASON_PERMISSION_DENIED,
                   fmt::format("this token or certificate does not name the worker {}",
                               QuoteForMessage(IdOf(worker))),
                   {{"worker", std::string(IdOf(worker))}});
}

WorkerNames WorkerNames::CoveredBy(const WorkerNames& other) const {
  WorkerNames both;
  for (const std::string& name : names_) {
    if (other.Covers(name)) both.names_.push_back(name);
  }
  return both;
}

}  // namespace graphkiln::coordinator
