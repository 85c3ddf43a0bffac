#include "common/compiler/fixes/rules.h"

namespace graphkiln::compiler {

const std::vector<FixRule>& FixRules() {
  static const std::vector<FixRule>* const kRules = new std::vector<FixRule>{
      {"ARGUMENT_TYPE", {FixTuple, FixSource, FixOutputs}},
      {"ARITY", {FixSurplus, FixSource}},
      {"BAD_EXPRESSION", {FixExpression}},
      {"BAD_ID", {FixId}},
      {"BAD_SHAPE", {FixInputs}},
      {"BYPASS_SHAPE", {FixInactive}},
      {"COMPOSITE_RULE",
       {FixContainer, FixRange, FixDivisors, FixOrder, FixDimensions, FixInferredSizes, FixMerge}},
      {"CYCLE", {FixSource}},
      {"DTYPE_MISMATCH", {FixElementType}},
      {"DUPLICATE_ID", {FixId}},
      {"MISSING_INPUT", {FixSource, FixOutputs}},
      {"MISSING_PARAM", {FixMissingParam, FixTuple}},
      {"MISSING_SHAPE", {FixInputs}},
      {"MUTED_OUTPUT", {FixInactive}},
      {"NO_INPUTS", {FixInputs}},
      {"NO_OUTPUTS", {FixOutputs}},
      {"PARAM_RANGE", {FixSizeLists, FixWindow, FixDivisors, FixRange, FixInferredSizes, FixOrder}},
      {"PARAM_TYPE", {FixValueType}},
      {"RANK_MISMATCH", {FixOrder, FixDimensions, FixSizeLists, FixMerge, FixUpstreamWindows}},
      {"SHAPE_MISMATCH",
       {FixInferredSizes, FixSizeLists, FixWindow, FixOrder, FixUpstreamSizes, FixMerge,
        FixUpstreamWindows, FixDivisors, FixRange}},
      {"SHARED_MODULE", {FixSharing}},
      {"SIZE_OVERFLOW", {FixHugeSize}},
      {"SYMBOLIC_WEIGHT", {FixOrder, FixSizeLists}},
      {"TUPLE_NEEDS_GET", {FixTuple}},
      {"UNKNOWN_PARAM", {FixUnknownParam}},
      {"UNKNOWN_PORT", {FixPortName, FixOutputs}},
      {"UNKNOWN_REFERENCE", {FixSource, FixOutputs}},
      {"UNKNOWN_TYPE", {FixTypeName}},
  };
  return *kRules;
}

absl::Span<const Generator> GeneratorsFor(std::string_view code) {
  for (const FixRule& rule : FixRules()) {
    if (rule.code == code) return rule.generators;
  }
  return {};
}

}  // namespace graphkiln::compiler
