#include "services/coordinator/core/worker_choice.h"

#include <fmt/format.h>

#include "common/base/strings.h"

namespace graphkiln::coordinator {

std::string MismatchOf(const JobNeeds& needs, const v1::Inventory& inventory) {
  if (needs.device == "cuda" && inventory.devices_size() < needs.devices) {
    return fmt::format("needs {} CUDA device(s), {} there", needs.devices,
                       inventory.devices_size());
  }
  if (inventory.cores() > 0 && needs.cores > inventory.cores()) {
    return fmt::format("needs {} cores, {} there", needs.cores, inventory.cores());
  }
  // Device memory is what matters on CUDA; the largest device must hold the job.
  int64_t memory = inventory.memory_bytes();
  if (needs.device == "cuda") {
    memory = 0;
    for (const v1::Device& device : inventory.devices()) {
      memory = std::max<int64_t>(memory, device.memory_bytes());
    }
  }
  if (memory > 0 && needs.memory_bytes > memory) {
    return fmt::format("needs {}, {} there", HumanBytes(static_cast<uint64_t>(needs.memory_bytes)),
                       HumanBytes(static_cast<uint64_t>(memory)));
  }
  return "";
}

WorkerRecord* ChooseWorker(const JobNeeds& needs, std::string_view last_worker,
                           const std::vector<WorkerRecord*>& workers,
                           const std::function<bool(const WorkerRecord&)>& left_out) {
  WorkerRecord* best = nullptr;
  for (WorkerRecord* worker : workers) {
    if (worker->free_slots() < 1 || !MismatchOf(needs, worker->inventory).empty()) continue;
    if (left_out && left_out(*worker)) continue;
    if (worker->name() == last_worker) return worker;
    if (best == nullptr || worker->free_slots() > best->free_slots() ||
        (worker->free_slots() == best->free_slots() && worker->name() < best->name())) {
      best = worker;
    }
  }
  return best;
}

}  // namespace graphkiln::coordinator
