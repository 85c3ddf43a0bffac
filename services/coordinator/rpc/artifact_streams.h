// The two streams of ArtifactService. Chunks pass through one at a time; files are read and written
// on the executor.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "graphkiln/v1/artifact_service.pb.h"
#include "services/coordinator/rpc/services.h"
#include "services/coordinator/rpc/stream.h"

namespace graphkiln::coordinator {

inline constexpr size_t kChunkBytes = 1 << 20;

/// `artifacts/{sha256}`, a bare digest, or `projects/{project}/jobs/{job}/artifacts/{file}`: the
/// digest. Errors: NOT_FOUND, FIELD_INVALID.
absl::StatusOr<std::string> ResolveArtifact(Services& services, std::string_view name);
v1::Artifact ToProto(const ArtifactInfo& info);

/// Receives one file.
class UploadStream final : public Stream, public std::enable_shared_from_this<UploadStream> {
 public:
  UploadStream(Services& services, std::shared_ptr<StreamSink> sink)
      : services_(services), sink_(std::move(sink)) {}

  bool OnMessage(google::protobuf::Message& request) override;
  void OnHalfClose() override;
  Next Pull(google::protobuf::Message* response, absl::Status* status) override;
  void OnClosed() override;

 private:
  // On the executor, one at a time.
  void Work(const std::function<absl::Status()>& work);
  absl::Status Begin(const v1::Artifact& artifact, const std::string& data);
  void Succeed(v1::Artifact artifact);

  Services& services_;
  const std::shared_ptr<StreamSink> sink_;
  bool started_ = false;                    // owned by the transport's calls
  bool sent_ = false;                       // likewise
  std::unique_ptr<ArtifactWriter> writer_;  // owned by the executor's task
  std::string sha256_;                      // likewise

  std::mutex mu_;
  absl::Status failure_;                  // guarded by mu_
  std::unique_ptr<v1::Artifact> result_;  // guarded by mu_
  bool working_ = false;                  // guarded by mu_; a task is posted or runs
  bool closed_ = false;                   // guarded by mu_
};

/// Sends one file from an offset, reading one chunk ahead. A whole file is checked on the way.
class DownloadStream final : public Stream, public std::enable_shared_from_this<DownloadStream> {
 public:
  DownloadStream(Services& services, std::shared_ptr<StreamSink> sink)
      : services_(services), sink_(std::move(sink)) {}

  bool OnMessage(google::protobuf::Message& request) override;
  Next Pull(google::protobuf::Message* response, absl::Status* status) override;

 private:
  void ReadAhead();
  /// The next chunk. Error: CHECKSUM_MISMATCH in place of the last one of a damaged file.
  absl::StatusOr<std::string> ReadChecked();

  Services& services_;
  const std::shared_ptr<StreamSink> sink_;
  std::unique_ptr<ArtifactReader> reader_;  // owned by the executor's task
  Sha256 hash_;                             // likewise, with the next two
  std::string sha256_;
  bool whole_ = false;

  std::mutex mu_;
  absl::Status failure_;                                 // guarded by mu_
  std::unique_ptr<v1::DownloadArtifactResponse> ready_;  // guarded by mu_
  bool reading_ = false;                                 // guarded by mu_
  bool at_end_ = false;                                  // guarded by mu_
};

}  // namespace graphkiln::coordinator
