// The operator table: one entry per ATen operator that may run, told by its schema, type rule and
// cost.
//
// An entry is one expression in a family file of `ops/`. Everything that knows about operators
// derives from it: the type checker, cost estimates, the verifier, the trainer's allow-list, the
// reference. The table is built once, then read-only; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "common/ir/module.h"

namespace graphkiln::ir {

class TypeContext;

// A constraint of an operator: the label that diagnostics, tests and the reference share.
struct Rule {
  std::string_view label;
  std::string_view text;
};

// What a schema says of one argument.
struct SchemaArg {
  enum class Type {
    kTensor,
    kTensorList,
    kInt,
    kIntList,
    kFloat,
    kFloatList,
    kBool,
    kBoolList,
    kScalar,
    kString,
    kDType,
    kLayout,
    kDevice,
    kMemoryFormat,
    kGenerator  // never given: the run's own generator draws
  };
  std::string name;
  Type type = Type::kTensor;
  bool optional = false;  // `?`
  bool has_default = false;
  Argument default_value;
  bool written = false;            // `(a!)`: the call changes this argument in place
  bool keyword_only = false;       // stands behind `*`
  bool optional_elements = false;  // `Tensor?[]`: the list may have holes
};

struct OpDef {
  std::string_view name;    // `aten.linear.default`
  std::string_view schema;  // `(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor`
  // Computes the outputs' types from the arguments' types; an error names rule, argument, expected
  // and found.
  absl::Status (*infer)(TypeContext&) = nullptr;
  // Floating-point operations of one call (a multiply-add is two); null means one per output
  // element.
  Dim (*flops)(const TypeContext&) = nullptr;
  std::vector<Rule> rules = {};
  bool differentiable = true;
  bool random = false;  // draws random numbers
  bool view = false;    // the output shares the input's memory: no bytes of its own
  // Its operations are those of multiply-adds, two each; autocast computes it in half precision.
  bool product = false;
  // The first output is the first argument itself in such a run: no bytes, no work, nothing kept.
  bool (*hands_on)(const TypeContext&, bool training) = nullptr;
  // Arguments whose gradient shares the memory of the result's: those of the result's size, and all
  // in a list.
  std::string_view passes = "";
  // What backward needs, for memory estimates: names of arguments separated by blanks; `result`
  // means the outputs; `mask` and `index` one more tensor of the first output's shape, of its own
  // type or of int64.
  std::string_view saved = "";
  // Elements of the first output's type that the kernel itself keeps for backward besides those.
  Dim (*workspace)(const TypeContext&) = nullptr;

  // Filled in by the table from `schema`.
  std::vector<SchemaArg> args = {};
  int num_returns = 1;
  std::vector<std::string> return_names = {};  // empty strings where the schema has none
  bool returns_list = false;
  bool returns_number = false;  // a number of the run instead of tensors
  bool mutates = false;

  int ArgIndex(std::string_view arg) const;
};

// Null where the operator is not allowed.
const OpDef* FindOp(std::string_view name);
// All operators, ordered by name.
const std::vector<const OpDef*>& AllOps();
// The nearest legal names, for messages.
std::vector<std::string> OpNames();

}  // namespace graphkiln::ir
