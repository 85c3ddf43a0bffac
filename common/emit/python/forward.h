// The `forward` of one class: a statement for each node whose result is used.
//
// Used by the Python emitter. Pure.
#pragma once

#include <string>

#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/emit/python/layout.h"
#include "common/emit/python/members.h"

namespace graphkiln::emit::python {

// `access`: how the members are read, by weights path (constructor.h).
void WriteForward(const compiler::CompileResult& compiled, const Scope& scope,
                  const StringMap<std::string>& access, CodeWriter& out, Imports& imports);

}  // namespace graphkiln::emit::python
