// What an instance is to the class around it: a module, a parameter, an expression; and the names
// that it gives to its results.
//
// Used by the Python emitter. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/compiler/compile.h"

namespace graphkiln::emit::python {

// What the generated file imports besides torch.nn.
struct Imports {
  bool torch = false;
  bool any = false;
};

// One class: the model, or the inside of a composite instance.
struct Scope {
  std::vector<int> children;  // instances, in execution order
  std::vector<std::pair<std::string, compiler::Tree>> inputs;
  std::string weights_path;  // of the composite; empty for the model
  const compiler::Tree* result = nullptr;
};

// Of a node type that torch.nn lacks.
bool IsOwnClass(const compiler::Instance& instance);
// Get of a tuple or dict: no call, the value is there already.
bool IsPick(const compiler::Instance& instance);
bool IsModule(const compiler::Instance& instance);
bool IsParameter(const compiler::Instance& instance);
// False where another node's module is called.
bool IsOwner(const compiler::CompileResult& compiled, const compiler::Instance& instance);
// An attribute of the class around.
bool HasAttribute(const compiler::CompileResult& compiled, const compiler::Instance& instance);

bool IsNumber(std::string_view text);

// The variable that a node's result is bound to.
std::string NameStem(const compiler::Instance& instance);
// Names for the parts of a result: the node's own for a single or first part, the port's behind it
// for the others.
std::vector<std::pair<ir::ValueId, std::string>> PortNames(const compiler::Instance& instance,
                                                           const std::string& stem);

}  // namespace graphkiln::emit::python
