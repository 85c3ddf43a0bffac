#include "services/worker/daemon/lease_folder.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "fmt/format.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::worker {
namespace {

constexpr char kFinishFile[] = "finish.pb";
constexpr char kBestFile[] = "best.pb";
constexpr char kCheckpointFile[] = "checkpoint.pb";
constexpr uint64_t kMaxRecordBytes = 64 << 20;

absl::StatusOr<std::string> HashFile(const std::string& path) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  return Sha256Hex(file.bytes());
}

absl::Status LoadCheckpoint(const std::string& path,
                            std::optional<v1::CommitCheckpointRequest>* checkpoint) {
  if (!FileExists(path)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxRecordBytes));
  if (!checkpoint->emplace().ParseFromString(bytes)) {
    return absl::DataLossError("the kept checkpoint record cannot be read");
  }
  return absl::OkStatus();
}

absl::Status SaveCheckpoint(const std::string& path,
                            const std::optional<v1::CommitCheckpointRequest>& checkpoint) {
  return checkpoint.has_value() ? WriteFileAtomic(path, checkpoint->SerializeAsString())
                                : RemoveFile(path);
}

absl::StatusOr<PendingEnd> LoadEnd(const std::string& path) {
  PendingEnd end;
  ASSIGN_OR_RETURN(const std::string finish,
                   ReadFile(JoinPath(path, kFinishFile), kMaxRecordBytes));
  if (!end.finish.ParseFromString(finish) || end.finish.job().empty()) {
    return absl::DataLossError("the kept result cannot be read");
  }
  RETURN_IF_ERROR(LoadCheckpoint(JoinPath(path, kBestFile), &end.best));
  RETURN_IF_ERROR(LoadCheckpoint(JoinPath(path, kCheckpointFile), &end.checkpoint));
  return end;
}

}  // namespace

LeaseFolder::LeaseFolder(std::string path)
    : path_(std::move(path)), work_dir_(JoinPath(path_, "work")) {}

absl::StatusOr<LeaseFolder> LeaseFolder::Create(const std::string& root, const LeaseId& id) {
  LeaseFolder folder(JoinPath(root, FolderName(id)));
  RETURN_IF_ERROR(RemoveTree(folder.path_));
  RETURN_IF_ERROR(MakeDirs(folder.work_dir_));
  RETURN_IF_ERROR(MakeDirs(JoinPath(folder.path_, "kept")));
  return folder;
}

absl::StatusOr<std::vector<std::pair<LeaseFolder, PendingEnd>>> LeaseFolder::Recover(
    const std::string& root) {
  RETURN_IF_ERROR(MakeDirs(root));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(root));
  std::vector<std::pair<LeaseFolder, PendingEnd>> ends;
  for (const std::string& name : names) {
    LeaseFolder folder(JoinPath(root, name));
    absl::StatusOr<PendingEnd> end = LoadEnd(folder.path_);
    if (end.ok()) {
      ends.emplace_back(std::move(folder), *std::move(end));
      continue;
    }
    if (!absl::IsNotFound(end.status())) {
      KILN_WARN("removing {}: {}", folder.path_, MessageOf(end.status()));
    }
    folder.Remove();
  }
  return ends;
}

std::string LeaseFolder::KeptPath(const std::string& sha256) const {
  return JoinPath(JoinPath(path_, "kept"), sha256);
}

absl::StatusOr<std::string> LeaseFolder::Keep(const std::string& path, std::string sha256) {
  const std::string inside = work_dir_ + "/";
  if (path.rfind(inside, 0) != 0 || path.find("/../") != std::string::npos) {
    return absl::PermissionDeniedError(
        fmt::format("{} is outside the trainer's folder", QuoteForMessage(path)));
  }
  if (sha256.empty()) {
    ASSIGN_OR_RETURN(sha256, HashFile(path));
  }
  if (std::rename(path.c_str(), KeptPath(sha256).c_str()) != 0) {
    return SystemError(errno, "cannot keep a file of the trainer");
  }
  return sha256;
}

absl::Status LeaseFolder::Save(const PendingEnd& end) {
  RETURN_IF_ERROR(SaveCheckpoint(JoinPath(path_, kBestFile), end.best));
  RETURN_IF_ERROR(SaveCheckpoint(JoinPath(path_, kCheckpointFile), end.checkpoint));
  // Last, because its presence makes the record valid.
  return WriteFileAtomic(JoinPath(path_, kFinishFile), end.finish.SerializeAsString());
}

void LeaseFolder::Remove() {
  if (const absl::Status status = RemoveTree(path_); !status.ok()) {
    KILN_WARN("cannot remove {}: {}", path_, MessageOf(status));
  }
}

}  // namespace graphkiln::worker
