#include "common/tensors/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <memory>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::tensors {
namespace {

constexpr std::string_view kSuffix = ".npy";

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

absl::StatusOr<std::unique_ptr<zip_t, CloseArchive>> OpenArchive(const std::string& path) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive != nullptr) return std::unique_ptr<zip_t, CloseArchive>(archive);
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string message = fmt::format("cannot open {}: {}", path, zip_error_strerror(&error));
  zip_error_fini(&error);
  if (code == ZIP_ER_NOENT) return absl::NotFoundError(message);
  return absl::InvalidArgumentError(message);
}

absl::StatusOr<std::string> ReadEntry(zip_t* archive, uint64_t index, uint64_t size) {
  const std::unique_ptr<zip_file_t, CloseEntry> entry(zip_fopen_index(archive, index, 0));
  if (entry == nullptr) return absl::InvalidArgumentError(zip_strerror(archive));
  std::string bytes(size, '\0');
  uint64_t done = 0;
  while (done < size) {
    const zip_int64_t got = zip_fread(entry.get(), bytes.data() + done, size - done);
    if (got <= 0) return absl::InvalidArgumentError("the entry is damaged or shorter than stated");
    done += static_cast<uint64_t>(got);
  }
  char beyond =
      0;  // reaching the end makes libzip check the sum; more data means a lie about the size
  if (zip_fread(entry.get(), &beyond, 1) != 0) {
    return absl::InvalidArgumentError("the entry is damaged or longer than stated");
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::vector<NpzEntry>> ReadNpz(const std::string& path, const NpzLimits& limits) {
  ASSIGN_OR_RETURN(const auto archive, OpenArchive(path));
  const auto count = static_cast<uint64_t>(zip_get_num_entries(archive.get(), 0));
  if (count > limits.max_entries) {
    return absl::InvalidArgumentError(fmt::format("{}: {} entries are more than the limit of {}",
                                                  path, count, limits.max_entries));
  }
  std::vector<NpzEntry> entries;
  StringSet names;
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_stat_index(archive.get(), i, 0, &info) != 0 || (info.valid & ZIP_STAT_SIZE) == 0 ||
        (info.valid & ZIP_STAT_NAME) == 0) {
      return absl::InvalidArgumentError(fmt::format("{}: entry {} is damaged", path, i));
    }
    std::string_view name = info.name;
    if (info.size > limits.max_total_bytes - total) {
      return absl::InvalidArgumentError(fmt::format("{}: unpacked it is larger than {}", path,
                                                    HumanBytes(limits.max_total_bytes)));
    }
    total += info.size;
    const std::string where = fmt::format("{}: {}", path, QuoteForMessage(name));
    if (!name.ends_with(kSuffix)) {
      return absl::InvalidArgumentError(fmt::format("{} is no .npy entry", where));
    }
    name.remove_suffix(kSuffix.size());
    if (!names.insert(std::string(name)).second) {
      return absl::InvalidArgumentError(fmt::format("{} stands twice", where));
    }
    absl::StatusOr<std::string> bytes = ReadEntry(archive.get(), i, info.size);
    if (!bytes.ok()) return Annotate(bytes.status(), where);
    absl::StatusOr<NpyArray> array = NpyArray::Parse(*std::move(bytes));
    if (!array.ok()) return Annotate(array.status(), where);
    entries.push_back({std::string(name), *std::move(array)});
  }
  return entries;
}

}  // namespace graphkiln::tensors
