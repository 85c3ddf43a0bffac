// Waits until a file's content may be another: for `--watch`. inotify on the folder tells at once,
// for editors write a new file and rename it over the old one; the file's own stat is looked at
// twice a second besides, for folders that cannot be watched (network file systems). Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "clients/cli/interrupts.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::cli {

class FileWatch {
 public:
  explicit FileWatch(std::string path);

  /// Remembers how the file looks now; called before it is read, so that nothing is missed.
  void Mark();
  /// Returns once the file looks different than at the last Mark; false where a signal came first.
  bool Wait(const Interrupts& interrupts);

 private:
  // Device, inode, size and time of the last change; zeros where there is no file.
  using Look = std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t>;
  Look Now() const;
  void Drain();

  const std::string path_;
  worker::Fd inotify_;  // invalid where there is none
  Look marked_ = {};
};

}  // namespace graphkiln::cli
