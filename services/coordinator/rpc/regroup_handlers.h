// The methods of CompileService that give a graph another form: composites taken apart and put
// together, three-way merge. The same code as `kiln unpack`, `collapse` and `merge`; stateless, on
// the executor.
#pragma once

#include "services/coordinator/rpc/method_table.h"

namespace graphkiln::coordinator {

// `rule`: that of all methods of CompileService. Called by AddCompileMethods.
void AddRegroupMethods(MethodTable& table, const MethodRule& rule);

}  // namespace graphkiln::coordinator
