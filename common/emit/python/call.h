// How one node is written: the constructor of its torch.nn module, and what `forward` says.
//
// Used by the Python emitter. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/compiler/compile.h"
#include "common/emit/python/values.h"

namespace graphkiln::emit::python {

// `nn.Parameter(torch.zeros((1, 8)))`.
std::string ParameterText(const compiler::Instance& instance, bool learns);

// The weight `name` of a module, which may lie deeper in it.
std::string WeightText(std::string_view module, std::string_view name);

// `nn.Conv2d(1, 16, 3, padding=1)`: leading required parameters by position, others by name where
// they differ from the default. `inplace` is a hint that is left out: another reader of the operand
// would see the changed value.
std::string Constructor(const compiler::Instance& instance, std::string_view own_class = "");

// `self.conv(x)`; `module` is what is called. Ports behind one that is not connected go by name.
std::string ModuleCall(const compiler::Instance& instance, std::string_view module,
                       const Values& values);

// True where the call takes the first port alone, as nn.Sequential would do it.
bool CallIsPlain(const compiler::Instance& instance);

// `nn.functional.pad(x, value=1.0)`: the function that a type stands for.
std::string FunctionCall(const compiler::Instance& instance, const Values& values);

// The type's expression template with values and parameters filled in.
std::string Expression(const compiler::Instance& instance, const Values& values);

// `torch.ops.aten.add.Tensor(x, y, alpha=2)`; trailing arguments that are the schema's own are left
// out.
std::string OperatorCall(const compiler::Instance& instance, const Values& values);

}  // namespace graphkiln::emit::python
