#include "common/base/resources.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "common/base/file.h"

namespace graphkiln {

std::string ExecutableDir() {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return ".";
  return DirName(std::string_view(path.data(), static_cast<size_t>(size)));
}

std::string ResourceDir() {
  if (const char* given = std::getenv("KILN_RESOURCES"); given != nullptr && *given != '\0') {
    return given;
  }
  std::string installed = JoinPath(DirName(ExecutableDir()), "share/graphkiln");
  if (IsDirectory(installed)) return installed;
  return KILN_SOURCE_DIR;
}

std::string TemplatesDir() { return JoinPath(ResourceDir(), "templates"); }

}  // namespace graphkiln
