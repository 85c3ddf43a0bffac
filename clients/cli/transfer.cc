#include "clients/cli/transfer.h"

#include <algorithm>
#include <optional>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

CallError Failed(absl::Status status) {
  CallError error;
  error.status = std::move(status);
  return error;
}

}  // namespace

CallError UploadFile(Client& client, const std::string& path, Transfer* transfer) {
  auto file = MappedFile::Open(path);
  if (!file.ok()) return Failed(file.status());
  const std::string_view bytes = file->bytes();
  transfer->sha256 = Sha256Hex(bytes);
  transfer->bytes = static_cast<int64_t>(bytes.size());

  grpc::ClientContext call;
  client.Prepare(&call);
  v1::Artifact stored;
  auto stream = client.artifacts().UploadArtifact(&call, &stored);
  v1::UploadArtifactRequest request;
  request.mutable_artifact()->set_sha256(transfer->sha256);
  request.mutable_artifact()->set_bytes(transfer->bytes);
  bool more = stream->Write(request);
  for (size_t at = 0; more && at < bytes.size(); at += kChunkBytes) {
    request.Clear();
    const std::string_view chunk = bytes.substr(at, kChunkBytes);
    request.set_data(chunk.data(), chunk.size());
    more = stream->Write(request);  // false as soon as the server has heard enough
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
