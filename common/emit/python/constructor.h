// The `__init__` of one class: its modules, lists of modules and parameters.
//
// Used by the Python emitter. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/emit/python/layout.h"
#include "common/emit/python/members.h"

namespace graphkiln::emit::python {

// nn.Module; modules with numbers as keys cannot be attributes: they are items of the class itself.
std::string_view BaseClass(const compiler::CompileResult& compiled, const Scope& scope);

// Writes the constructor; nothing where the class has no members. `module_text` makes the module of
// an instance. Returns how the members are read, by weights path.
StringMap<std::string> WriteConstructor(const compiler::CompileResult& compiled, const Scope& scope,
                                        const std::function<std::string(int)>& module_text,
                                        CodeWriter& out, Imports& imports);

}  // namespace graphkiln::emit::python
