// The verifier: proves that a program is well-formed. Runs after every pass that changes the IR,
// and on every program that arrives from outside.
#pragma once

#include "absl/status/status.h"
#include "common/ir/module.h"

namespace graphkiln::ir {

enum class VerifyDepth {
  kOrder,  // all but the kinds of arguments and the types: for who has just typed each call
  kTypes,  // all
};

// Checks: every value has one producer that comes before its uses; operators are of the table; the
// number and kind of arguments fit the schema; the stored types equal what the operators' rules
// give; keys of parameters are unique and their sizes fixed; outputs exist. The status names the
// first fault (kInternal: a program that the compiler made must pass; kInvalidArgument never).
absl::Status Verify(const Module& module, VerifyDepth depth = VerifyDepth::kTypes);

}  // namespace graphkiln::ir
