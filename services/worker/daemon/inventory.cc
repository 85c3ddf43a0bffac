#include "services/worker/daemon/inventory.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/base/file.h"
#include "common/base/strings.h"

namespace graphkiln::worker {
namespace {

constexpr uint64_t kMaxProcFile = 1 << 20;

std::string ReadOrEmpty(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxProcFile);
  return text.ok() ? *std::move(text) : "";
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  text = TrimView(text);
  int64_t value;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value)) {
    return std::nullopt;
  }
  return value;
}

/// Value of a line "key value" or "key: value kB".
std::optional<int64_t> FindField(std::string_view text, std::string_view key) {
  for (std::string_view line : SplitView(text, '\n')) {
    if (line.substr(0, key.size()) != key) {
      continue;
    }
    line.remove_prefix(key.size());
    if (line.empty() || (line[0] != ' ' && line[0] != ':')) {
      continue;
    }
    line = TrimView(line.substr(1));
    return ParseNumber(line.substr(0, line.find(' ')));
  }
  return std::nullopt;
}

/// The present cgroup's file of version 2 or 1, the innermost that can be read; "" without one.
std::string ReadCgroup(const std::string& root, std::string_view controller,
                       const std::string& v2_name, const std::string& v1_name) {
  const std::string own = ReadOrEmpty(root + "/proc/self/cgroup");
  std::string v1_path;
  std::string v2_path;
  for (const std::string_view line : SplitView(own, '\n')) {
    const std::vector<std::string_view> parts = SplitView(line, ':');
    if (parts.size() != 3) {
      continue;
    }
    if (parts[1].empty()) {
      v2_path = parts[2];
    } else if (parts[1].find(controller) != std::string_view::npos) {
      v1_path = parts[2];
    }
  }
  const std::string base = root + "/sys/fs/cgroup";
  const std::string v1_base = base + "/" + std::string(controller);
  // Inside a container the path of the outside often does not exist; the mount's top is meant then.
  for (const std::string& path : {base + v2_path + "/" + v2_name, base + "/" + v2_name,
                                  v1_base + v1_path + "/" + v1_name, v1_base + "/" + v1_name}) {
    std::string text = ReadOrEmpty(path);
    if (!text.empty()) {
      return text;
    }
  }
  return "";
}

}  // namespace

int HostFacts::Cores() const {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = 1;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    cores = std::max(1, CPU_COUNT(&set));
  }
  // Version 2: "QUOTA PERIOD" or "max PERIOD"; version 1 has two files.
  double quota = 0;
  const std::string v2 = ReadCgroup(root_, "cpu", "cpu.max", "");
  const size_t space = v2.find(' ');
  if (space != std::string::npos) {
    const std::optional<int64_t> used = ParseNumber(std::string_view(v2).substr(0, space));
    const std::optional<int64_t> period = ParseNumber(std::string_view(v2).substr(space + 1));
    if (used.has_value() && period.value_or(0) > 0) {
      quota = static_cast<double>(*used) / static_cast<double>(*period);
    }
  } else {
    const std::optional<int64_t> used =
        ParseNumber(ReadCgroup(root_, "cpu", "cpu.max", "cpu.cfs_quota_us"));
    const std::optional<int64_t> period =
        ParseNumber(ReadCgroup(root_, "cpu", "cpu.max", "cpu.cfs_period_us"));
    if (used.value_or(-1) > 0 && period.value_or(0) > 0) {
      quota = static_cast<double>(*used) / static_cast<double>(*period);
    }
  }
  if (quota > 0) {
    cores = std::min(cores, std::max(1, static_cast<int>(std::ceil(quota))));
  }
  return cores;
}

int64_t HostFacts::MemoryBytes() const {
  const std::string meminfo = ReadOrEmpty(root_ + "/proc/meminfo");
  int64_t bytes = FindField(meminfo, "MemTotal").value_or(0) * 1024;
  const std::optional<int64_t> limit =
      ParseNumber(ReadCgroup(root_, "memory", "memory.max", "memory.limit_in_bytes"));
  if (limit.has_value() && *limit > 0 && (bytes == 0 || *limit < bytes)) {
    bytes = *limit;
  }
  return bytes;
}

int64_t HostFacts::OutOfMemoryKills() const {
  const std::string vmstat = ReadOrEmpty(root_ + "/proc/vmstat");
  const std::string events = ReadCgroup(root_, "memory", "memory.events", "memory.oom_control");
  return FindField(vmstat, "oom_kill").value_or(0) + FindField(events, "oom_kill").value_or(0);
}

graphkiln::v1::Inventory MakeInventory(const HostFacts& host, int slots) {
  graphkiln::v1::Inventory inventory;
  const int cores = host.Cores();
  inventory.set_slots(slots > 0 ? slots : cores);
  inventory.set_cores(cores);
  inventory.set_memory_bytes(host.MemoryBytes());
  inventory.set_version(KILN_VERSION);
  inventory.set_host(HostName());
  return inventory;
}

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) {
    return "host";
  }
  return name.data();
}

}  // namespace graphkiln::worker
