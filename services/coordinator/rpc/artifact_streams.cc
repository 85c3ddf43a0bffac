#include "services/coordinator/rpc/artifact_streams.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/names.h"

namespace graphkiln::coordinator {

absl::StatusOr<std::string> ResolveArtifact(Services& services, std::string_view name) {
  if (IsSha256Hex(name)) return std::string(name);
  const std::vector<std::string_view> parts = SplitView(name.substr(0, 512), '/');
  if (name.size() <= 512 && parts.size() == 2 && parts[0] == "artifacts" && IsSha256Hex(parts[1])) {
    return std::string(parts[1]);
  }
  if (name.size() > 512 || parts.size() != 6 || parts[0] != "projects" || parts[2] != "jobs" ||
      parts[4] != "artifacts") {
    return FieldError("name", fmt::format("{} is not artifacts/SHA256 or "
                                          "projects/PROJECT/jobs/JOB/artifacts/FILE",
                                          QuoteForMessage(name)));
  }
  ASSIGN_OR_RETURN(const v1::Job job,
                   services.queue->Get(FormatResourceName(parts[1], "jobs", parts[3])));
  const auto file = job.artifacts().find(std::string(parts[5]));
  if (file == job.artifacts().end()) return NotFoundError("artifact", name);
  return file->second;
}

v1::Artifact ToProto(const ArtifactInfo& info) {
  v1::Artifact artifact;
  artifact.set_name("artifacts/" + info.sha256);
  artifact.set_sha256(info.sha256);
  artifact.set_bytes(info.bytes);
  return artifact;
}

bool UploadStream::OnMessage(google::protobuf::Message& request) {
  auto message = std::make_shared<v1::UploadArtifactRequest>(
      std::move(static_cast<v1::UploadArtifactRequest&>(request)));
  const bool first = !started_;
  started_ = true;
  Work([this, first, message]() -> absl::Status {
    if (message->data().size() > kChunkBytes) {
      return MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_TOO_LARGE,
                       fmt::format("a chunk has at most {} bytes", kChunkBytes));
    }
    if (first) return Begin(message->artifact(), message->data());
    return writer_->Append(message->data());
  });
  return false;
}

absl::Status UploadStream::Begin(const v1::Artifact& artifact, const std::string& data) {
  if (auto stored = services_.artifacts->StatSound(artifact.sha256(), artifact.bytes());
      stored.ok() && services_.artifacts->Touch(artifact.sha256(), services_.clock->Now()).ok()) {
    Succeed(ToProto(*stored));  // it is there: the caller need not send the rest
    return absl::OkStatus();
  }
  sha256_ = artifact.sha256();
  ASSIGN_OR_RETURN(writer_, services_.artifacts->Create(artifact.sha256(), artifact.bytes()));
  return writer_->Append(data);
}

void UploadStream::OnHalfClose() {
  if (!started_) {
    std::lock_guard lock(mu_);
    failure_ = FieldError("artifact", "the first message says digest and size");
    return;
  }
  Work([this]() -> absl::Status {
    const int64_t bytes = writer_->received();
    RETURN_IF_ERROR(writer_->Finish());
    Succeed(ToProto(ArtifactInfo{sha256_, bytes}));
    return absl::OkStatus();
  });
}

void UploadStream::Work(const std::function<absl::Status()>& work) {
  {
    std::lock_guard lock(mu_);
    working_ = true;
  }
  services_.executor->Post([self = shared_from_this(), work] {
    bool ended = false;
    {
      std::lock_guard lock(self->mu_);
      ended = self->closed_ || self->result_ != nullptr || !self->failure_.ok();
    }
    const absl::Status status = ended ? absl::OkStatus() : work();
    {
      std::lock_guard lock(self->mu_);
      if (!status.ok()) self->failure_ = status;
      ended = !self->failure_.ok() || self->result_ != nullptr || self->closed_;
      if (!ended) self->working_ = false;
    }
    if (ended) {
      self->writer_.reset();  // an unfinished file disappears here
      self->sink_->Wake();
    } else {
      self->sink_->ResumeReading();
    }
  });
}

void UploadStream::Succeed(v1::Artifact artifact) {
  std::lock_guard lock(mu_);
  result_ = std::make_unique<v1::Artifact>(std::move(artifact));
}

Stream::Next UploadStream::Pull(google::protobuf::Message* response, absl::Status* status) {
  std::lock_guard lock(mu_);
  if (!failure_.ok()) {
    *status = failure_;
    return Next::kFinish;
  }
  if (result_ == nullptr) return Next::kWait;
  if (sent_) {
    *status = absl::OkStatus();
    return Next::kFinish;
  }
  sent_ = true;
  static_cast<v1::Artifact&>(*response) = *result_;
  return Next::kMessage;
}

void UploadStream::OnClosed() {
  {
    std::lock_guard lock(mu_);
    closed_ = true;
    if (working_) return;  // the task that works sees it
    working_ = true;
  }
  services_.executor->Post([self = shared_from_this()] { self->writer_.reset(); });
}

bool DownloadStream::OnMessage(google::protobuf::Message& request) {
  const auto& asked = static_cast<const v1::DownloadArtifactRequest&>(request);
  {
    std::lock_guard lock(mu_);
    reading_ = true;
  }
  services_.executor->Post(
      [self = shared_from_this(), name = asked.name(), offset = asked.offset()] {
        const auto opened = [&]() -> absl::Status {
          ASSIGN_OR_RETURN(const std::string sha256, ResolveArtifact(self->services_, name));
          ASSIGN_OR_RETURN(self->reader_, self->services_.artifacts->OpenFile(sha256, offset));
          auto first = std::make_unique<v1::DownloadArtifactResponse>();
          *first->mutable_artifact() = ToProto(ArtifactInfo{sha256, self->reader_->size()});
          self->sha256_ = sha256;
          self->whole_ = offset == 0;
          ASSIGN_OR_RETURN(*first->mutable_data(), self->ReadChecked());
          std::lock_guard lock(self->mu_);
          self->at_end_ = first->data().size() < kChunkBytes;
          self->ready_ = std::move(first);
          return absl::OkStatus();
        }();
        {
          std::lock_guard lock(self->mu_);
          self->failure_ = opened;
          self->reading_ = false;
        }
        self->sink_->Wake();
      });
  return true;
}

absl::StatusOr<std::string> DownloadStream::ReadChecked() {
  ASSIGN_OR_RETURN(std::string data, reader_->Read(kChunkBytes));
  if (!whole_) return data;
  hash_.Update(data);
  // The last bytes are held back from a caller that got wrong ones before.
  if (data.size() < kChunkBytes && hash_.HexDigest() != sha256_) {
    return services_.artifacts->SetAside(sha256_, *reader_);
  }
  return data;
}

void DownloadStream::ReadAhead() {
  services_.executor->Post([self = shared_from_this()] {
    auto data = self->ReadChecked();
    {
      std::lock_guard lock(self->mu_);
      self->reading_ = false;
      if (!data.ok()) {
        self->failure_ = data.status();
      } else {
        self->at_end_ = data->size() < kChunkBytes;
        if (!data->empty()) {
          self->ready_ = std::make_unique<v1::DownloadArtifactResponse>();
          self->ready_->set_data(*std::move(data));
        }
      }
    }
    self->sink_->Wake();
  });
}

Stream::Next DownloadStream::Pull(google::protobuf::Message* response, absl::Status* status) {
  std::lock_guard lock(mu_);
  if (!failure_.ok()) {
    *status = failure_;
    return Next::kFinish;
  }
  if (reading_) return Next::kWait;
  if (ready_ == nullptr) {
    *status = absl::OkStatus();
    return Next::kFinish;
  }
  static_cast<v1::DownloadArtifactResponse&>(*response) = std::move(*ready_);
  ready_.reset();
  if (!at_end_) {
    reading_ = true;
    ReadAhead();
  }
  return Next::kMessage;
}

}  // namespace graphkiln::coordinator
