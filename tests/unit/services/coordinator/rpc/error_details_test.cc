#include "services/coordinator/rpc/error_details.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

template <class T>
int Count(const google::rpc::Status& status, T* last = nullptr) {
  int count = 0;
  for (const auto& any : status.details()) {
    T detail;
    if (!any.UnpackTo(&detail)) continue;
    if (last != nullptr) *last = detail;
    ++count;
  }
  return count;
}

TEST(ErrorDetailsTest, HasExactlyOneErrorInfoWithReasonAndDomain) {
  const auto status = ToRpcStatus(FieldError("page_size", "must not be negative"));
  EXPECT_EQ(status.code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  google::rpc::ErrorInfo info;
  EXPECT_EQ(Count(status, &info), 1);
  EXPECT_EQ(info.reason(), "FIELD_INVALID");
  EXPECT_EQ(info.domain(), "graphkiln");
  google::rpc::BadRequest bad;
  EXPECT_EQ(Count(status, &bad), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "page_size");
  EXPECT_EQ(Count<google::rpc::RetryInfo>(status), 0);
}

TEST(ErrorDetailsTest, TransientErrorsSayWhenToTryAgain) {
  google::rpc::RetryInfo retry;
  EXPECT_EQ(Count(ToRpcStatus(StorageError("disk full")), &retry), 1);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  const auto quota =
      ToRpcStatus(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUOTA_EXCEEDED,
                            "full", {{"retry_after_seconds", "5"}}));
  EXPECT_EQ(Count(quota, &retry), 1);
  EXPECT_EQ(retry.retry_delay().seconds(), 5);
  EXPECT_EQ(Count<google::rpc::RetryInfo>(ToRpcStatus(MakeError(
                absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_TOO_LARGE, "too large"))),
            0);
}

TEST(ErrorDetailsTest, FaultsOfOursTellAnIdOnly) {
  const auto status = ToRpcStatus(absl::InternalError("secret path /srv/x"));
  EXPECT_EQ(status.message().find("secret"), std::string::npos);
  google::rpc::ErrorInfo info;
  ASSERT_EQ(Count(status, &info), 1);
  EXPECT_EQ(info.reason(), "INTERNAL");
  EXPECT_EQ(info.metadata().at("error_id").size(), 12u);
  EXPECT_THAT(status.message(), testing::HasSubstr(info.metadata().at("error_id")));
}

TEST(ErrorDetailsTest, AReasonFollowsFromTheCodeWhereNoneIsGiven) {
  google::rpc::ErrorInfo info;
  Count(ToRpcStatus(absl::UnimplementedError("no")), &info);
  EXPECT_EQ(info.reason(), "UNSUPPORTED");
  EXPECT_EQ(ToRpcStatus(absl::CancelledError("gone")).details_size(), 0);
  EXPECT_EQ(ToRpcStatus(absl::OkStatus()).code(), 0);
}

std::vector<v1::Diagnostic> Errors(int count, size_t bytes) {
  std::vector<v1::Diagnostic> diagnostics;
  for (int i = 0; i < count; ++i) {
    v1::Diagnostic& diagnostic = diagnostics.emplace_back();
    diagnostic.set_severity(i % 2 == 0 ? v1::SEVERITY_ERROR : v1::SEVERITY_WARNING);
    diagnostic.set_code("SHAPE_MISMATCH");
    diagnostic.set_node(fmt::format("n{}", i));
    diagnostic.set_message(std::string(bytes, 'm'));
    diagnostic.add_fixes()->set_description(std::string(bytes, 'f'));
  }
  return diagnostics;
}

TEST(ErrorDetailsTest, DiagnosticsTravelErrorsFirst) {
  const auto status =
      ToRpcStatus(DiagnosticsError(v1::ERROR_REASON_GRAPH_INVALID, "graph", Errors(4, 20)));
  v1::ValidateResponse response;
  ASSERT_EQ(Count(status, &response), 1);
  ASSERT_EQ(response.diagnostics_size(), 4);
  EXPECT_EQ(response.diagnostics(0).node(), "n0");
  EXPECT_EQ(response.diagnostics(1).node(), "n2");
  EXPECT_EQ(response.diagnostics(2).node(), "n1");
  EXPECT_EQ(response.diagnostics(0).fixes_size(), 1);
  google::rpc::BadRequest bad;
  ASSERT_EQ(Count(status, &bad), 1);
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(1).field(), "graph.nodes[n2]");
  EXPECT_THAT(status.message(), testing::HasSubstr("2 errors; n0: "));
}

TEST(ErrorDetailsTest, NeverExceedsItsBytes) {
  for (const int count : {1, 10, 200, 5000}) {
    for (const size_t bytes : {10u, 300u, 20000u}) {
      const auto status = ToRpcStatus(
          DiagnosticsError(v1::ERROR_REASON_GRAPH_INVALID, "graph", Errors(count, bytes)));
      EXPECT_LE(status.ByteSizeLong(), kMaxErrorBytes) << count << " x " << bytes;
      EXPECT_EQ(Count<google::rpc::ErrorInfo>(status), 1);
      google::rpc::BadRequest bad;
      EXPECT_EQ(Count(status, &bad), 1);
      EXPECT_LE(bad.field_violations_size(), kMaxFieldViolations);
    }
  }
}

}  // namespace
}  // namespace graphkiln::coordinator
