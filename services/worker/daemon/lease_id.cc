#include "services/worker/daemon/lease_id.h"

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "fmt/format.h"

namespace graphkiln::worker {

std::string ToString(const LeaseId& id) { return fmt::format("{}@{}", id.job, id.epoch); }

std::string FolderName(const LeaseId& id) {
  // A readable part for people; the hash makes it unique whatever the name holds.
  const std::string_view job = id.job;
  const size_t slash = job.rfind('/');
  const std::string last =
      ToResourceId(slash == std::string_view::npos ? job : job.substr(slash + 1));
  return fmt::format("{}-{}-{}", last.substr(0, 48), id.epoch, Sha256Hex(id.job).substr(0, 12));
}

}  // namespace graphkiln::worker
