#include "services/worker/daemon/call_error.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

using absl::StatusCode;

/// Trailers as the coordinator writes them: other details stand before the reason.
std::string Details(const std::string& reason, const std::string& resource = "") {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("graphkiln");
  if (!resource.empty()) {
    (*info.mutable_metadata())["resource"] = resource;
  }
  google::rpc::Status status;
  status.add_details()->PackFrom(retry);
  status.add_details()->PackFrom(info);
  return status.SerializeAsString();
}

absl::Status Exhausted(const std::string& reason) {
  return MakeCallError(StatusCode::kResourceExhausted, "x", Details(reason));
}

TEST(CallErrorTest, TheReasonIsCarried) {
  const absl::Status status = Exhausted("STORAGE_UNAVAILABLE");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "x");
  EXPECT_EQ(ReasonOf(status), "STORAGE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
  EXPECT_EQ(ReasonOf(MakeCallError(StatusCode::kInternal, "x", "\xff no proto")), "");
  EXPECT_TRUE(MakeCallError(StatusCode::kOk, "", "").ok());
}

TEST(CallErrorTest, WhatPassesIsTransientWhateverItsCode) {
  for (const char* reason : {"STORAGE_UNAVAILABLE", "QUOTA_EXCEEDED", "DRAINING"}) {
    EXPECT_TRUE(IsTransient(Exhausted(reason))) << reason;
    EXPECT_FALSE(IsRefused(Exhausted(reason))) << reason;
  }
  EXPECT_TRUE(IsTransient(absl::UnavailableError("away")));
  EXPECT_TRUE(IsTransient(absl::DeadlineExceededError("slow")));
  EXPECT_TRUE(IsTransient(absl::UnauthenticatedError("token")));
}

TEST(CallErrorTest, WhatCanNeverPassIsRefused) {
  EXPECT_TRUE(IsRefused(Exhausted("TOO_LARGE")));
  EXPECT_FALSE(IsTransient(Exhausted("TOO_LARGE")));
  EXPECT_TRUE(IsRefused(
      MakeCallError(StatusCode::kInvalidArgument, "metrics: too many", Details("FIELD_INVALID"))));
  // The disk of this machine, which no waiting for the coordinator empties.
  EXPECT_TRUE(IsRefused(absl::ResourceExhaustedError("no space left")));
  for (const absl::Status& unknown : {absl::InternalError("id"), absl::UnknownError("x"),
                                      absl::PermissionDeniedError("x"), absl::DataLossError("x")}) {
    EXPECT_FALSE(IsRefused(unknown)) << unknown;
    EXPECT_FALSE(IsTransient(unknown)) << unknown;
  }
}

TEST(CallErrorTest, ErrorsOfGrpcItselfAreToldApartByTheirText) {
  const auto bare = [](const char* text) {
    return MakeCallError(StatusCode::kResourceExhausted, text, "");
  };
  EXPECT_TRUE(IsRefused(bare("Received message larger than max (5000000 vs. 4194304)")));
  EXPECT_TRUE(IsRefused(bare("received trailing metadata size exceeds limit")));
  EXPECT_TRUE(IsTransient(bare("Memory quota exhausted")));
}

TEST(CallErrorTest, OnlyAMissingJobIsGone) {
  const auto missing = [](const char* resource) {
    return MakeCallError(StatusCode::kNotFound, "x", Details("NOT_FOUND", resource));
  };
  EXPECT_TRUE(IsJobGone(missing("job")));
  EXPECT_FALSE(IsJobGone(missing("artifact")));
  EXPECT_TRUE(IsJobGone(absl::NotFoundError("as older coordinators say it")));
  EXPECT_FALSE(IsJobGone(absl::AbortedError("x")));
  EXPECT_TRUE(IsFenced(absl::AbortedError("x")));
}

}  // namespace
}  // namespace graphkiln::worker
