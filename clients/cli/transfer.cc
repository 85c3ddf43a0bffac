#include "clients/cli/transfer.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

CallError Failed(absl::Status status) {
  CallError error;
  error.status = std::move(status);
  return error;
}

// Reads a regular file from its start, as often as wanted. Not mapped: others may truncate the
// user's files while they are read, which a mapping answers with SIGBUS.
class FileReader {
 public:
  static absl::StatusOr<FileReader> Open(const std::string& path) {
    ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));  // refuses what is no regular file
    FileReader reader(path, size);
    if (reader.file_ == nullptr) return absl::ErrnoToStatus(errno, "cannot open " + path);
    return reader;
  }

  uint64_t size() const { return size_; }

  // Calls `take` with the whole file piece by piece, until it returns false.
  absl::Status Read(const std::function<bool(std::string_view)>& take) {
    std::rewind(file_.get());
    std::string chunk(kChunkBytes, '\0');
    for (uint64_t left = size_; left > 0;) {
      const size_t got =
          std::fread(chunk.data(), 1, std::min<uint64_t>(left, kChunkBytes), file_.get());
      if (got == 0) {
        return absl::FailedPreconditionError(path_ + " was changed while it was read");
      }
      left -= got;
      if (!take(std::string_view(chunk).substr(0, got))) break;
    }
    return absl::OkStatus();
  }

 private:
  FileReader(std::string path, uint64_t size)
      : path_(std::move(path)), size_(size), file_(std::fopen(path_.c_str(), "rbe"), std::fclose) {}

  std::string path_;
  uint64_t size_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace

CallError UploadFile(Client& client, const std::string& path, Transfer* transfer) {
  auto file = FileReader::Open(path);
  if (!file.ok()) return Failed(file.status());
  Sha256 hash;
  absl::Status status = file->Read([&](std::string_view chunk) {
    hash.Update(chunk);
    return true;
  });
  if (!status.ok()) return Failed(std::move(status));
  transfer->sha256 = hash.HexDigest();
  transfer->bytes = static_cast<int64_t>(file->size());

  grpc::ClientContext call;
  client.Prepare(&call);
  v1::Artifact stored;
  auto stream = client.artifacts().UploadArtifact(&call, &stored);
  v1::UploadArtifactRequest request;
  request.mutable_artifact()->set_sha256(transfer->sha256);
  request.mutable_artifact()->set_bytes(transfer->bytes);
  bool more = stream->Write(request);
  if (more) {
    status = file->Read([&](std::string_view chunk) {
      request.Clear();
      request.set_data(chunk.data(), chunk.size());
      more = stream->Write(request);  // false as soon as the server has heard enough
      return more;
    });
  }
  if (!status.ok()) {
    call.TryCancel();
    (void)stream->Finish();
    return Failed(std::move(status));
  }
  if (more) stream->WritesDone();
  return ToCallError(stream->Finish());
}

CallError DownloadFile(Client& client, std::string_view name, const std::string& path,
                       Transfer* transfer) {
  grpc::ClientContext call;
  client.Prepare(&call);
  v1::DownloadArtifactRequest request;
  request.set_name(std::string(name));
  auto stream = client.artifacts().DownloadArtifact(&call, request);
  v1::DownloadArtifactResponse response;
  std::optional<AtomicFile> file;
  v1::Artifact expected;
  Sha256 hash;
  absl::Status status;
  while (status.ok() && stream->Read(&response)) {
    if (!file) {
      expected = response.artifact();
      auto created = AtomicFile::Create(path);
      if (!created.ok()) {
        status = created.status();
        break;
      }
      file.emplace(*std::move(created));
    }
    hash.Update(response.data());
    transfer->bytes += static_cast<int64_t>(response.data().size());
    status = file->Append(response.data());
  }
  if (!status.ok()) {
    call.TryCancel();
    (void)stream->Finish();
    return Failed(std::move(status));
  }
  const CallError error = ToCallError(stream->Finish());
  if (!error.status.ok()) return error;
  transfer->sha256 = hash.HexDigest();
  if (!file || (!expected.sha256().empty() && expected.sha256() != transfer->sha256)) {
    return Failed(
        absl::DataLossError(fmt::format("{} arrived damaged; nothing was written", name)));
  }
  return Failed(file->Commit());
}

}  // namespace graphkiln::cli
