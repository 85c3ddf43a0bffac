// GoogleTest helpers for absl::Status and absl::StatusOr. For tests only; header only, so kiln_base
// does not depend on GoogleTest.
//
//   ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(path, 100));
//   EXPECT_OK(WriteFileAtomic(path, text));
//   EXPECT_THAT(ReadFile("missing", 100), StatusIs(absl::StatusCode::kNotFound,
//   HasSubstr("missing")));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"

namespace graphkiln {
namespace status_internal {

inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <class T>
const absl::Status& AsStatus(const absl::StatusOr<T>& statusor) {
  return statusor.status();
}

}  // namespace status_internal

MATCHER(IsOk, "is OK") {
  const absl::Status& status = status_internal::AsStatus(arg);
  *result_listener << status.ToString();
  return status.ok();
}

MATCHER_P(StatusIs, code, "") {
  const absl::Status& status = status_internal::AsStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code;
}

MATCHER_P2(StatusIs, code, message, "") {
  const absl::Status& status = status_internal::AsStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message, std::string(MessageOf(status)), result_listener);
}

}  // namespace graphkiln

#define EXPECT_OK(expr) EXPECT_THAT((expr), ::graphkiln::IsOk())
#define ASSERT_OK(expr) ASSERT_THAT((expr), ::graphkiln::IsOk())
#define ASSERT_OK_AND_ASSIGN(lhs, ...)                                                           \
  GRAPHKILN_ASSERT_OK_AND_ASSIGN_(GRAPHKILN_CONCAT_(graphkiln_test_statusor_, __COUNTER__), lhs, \
                                  __VA_ARGS__)
#define GRAPHKILN_ASSERT_OK_AND_ASSIGN_(statusor, lhs, ...)   \
  auto statusor = (__VA_ARGS__);                              \
  ASSERT_TRUE(statusor.ok()) << statusor.status().ToString(); \
  lhs = std::move(statusor).value()
