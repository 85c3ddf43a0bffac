#include "clients/cli/file_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <utility>

namespace graphkiln::cli {
namespace {

constexpr int kLookMillis = 500;

}  // namespace

FileWatch::FileWatch(std::string path)
    : path_(std::move(path)), inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  std::string folder = std::filesystem::path(path_).parent_path().string();
  if (folder.empty()) folder = ".";
  constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE;
  if (inotify_.valid() && inotify_add_watch(inotify_.get(), folder.c_str(), kEvents) < 0)
    inotify_.Reset();
}

void FileWatch::Mark() { marked_ = Now(); }

bool FileWatch::Wait(const Interrupts& interrupts) {
  while (!interrupts.interrupted()) {
    if (Now() != marked_) return true;
    pollfd entries[2] = {{interrupts.fd(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
    poll(entries, 2, kLookMillis);  // a negative descriptor is ignored
    Drain();
  }
  return false;
}

FileWatch::Look FileWatch::Now() const {
  struct stat found = {};
  if (stat(path_.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

// Which file it was is told by its stat.
void FileWatch::Drain() {
  std::array<char, 4096> events;
  while (inotify_.valid() && read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace graphkiln::cli
