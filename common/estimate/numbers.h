// A program in other element types, for estimates of its memory: throughout, or as autocast runs
// it.
//
// Autocast computes products (OpDef::product) in half precision: their operands are converted, the
// copies of weights kept; weights of other operators stay float32 beside half inputs, and where
// types meet the wider one wins. Used inside of `estimate` and, for the names, by the command line;
// the program is not meant to be run. Pure; linear.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/module.h"
#include "graphkiln/v1/compile_service.pb.h"

namespace graphkiln::estimate {

// What a run's numbers may be, by the names of the command line.
struct NumbersKind {
  std::string_view name;  // `bfloat16`, `pure-bfloat16`
  v1::Precision precision;
  bool pure;
};
const std::vector<NumbersKind>& AllNumbers();
std::string_view NumbersName(const v1::Numbers& numbers);
std::optional<v1::Numbers> ParseNumbers(std::string_view name);

// The given module where nothing changes. An error where an operator takes no such type.
absl::StatusOr<ir::Module> WithNumbers(ir::Module module, const v1::Numbers& numbers);

}  // namespace graphkiln::estimate
