// Where proposals come from: one function for each family of mistakes, named in the table of
// rules.cc by the codes that it mends. Each looks at a site and writes down guesses; it may be
// called for a finding that it knows nothing about. Pure.
#pragma once

#include "common/compiler/fixes/proposals.h"
#include "common/compiler/fixes/site.h"

namespace graphkiln::compiler {

using Generator = void (*)(const Site& site, Proposals& out);

// sizes.cc: numbers that must agree with a size.
void FixInferredSizes(const Site& site, Proposals& out);  // in_features, num_features, ...
void FixUpstreamSizes(const Site& site, Proposals& out);  // out_features of the node before
void FixDivisors(const Site& site, Proposals& out);       // groups, num_heads
void FixSizeLists(const Site& site, Proposals& out);      // dims of Permute, shape of Reshape

// values.cc: parameters by themselves.
void FixRange(const Site& site, Proposals& out);         // a value out of range
void FixValueType(const Site& site, Proposals& out);     // "3" where 3 is meant
void FixHugeSize(const Site& site, Proposals& out);      // a slip of the keyboard
void FixMissingParam(const Site& site, Proposals& out);  // a required one is absent
void FixUnknownParam(const Site& site, Proposals& out);  // no such parameter
void FixExpression(const Site& site, Proposals& out);    // no such variable

// windows.cc: kernels that reach over the end.
void FixWindow(const Site& site, Proposals& out);
void FixUpstreamWindows(const Site& site, Proposals& out);

// adapters.cc: nodes between a value and its port.
void FixOrder(const Site& site, Proposals& out);        // Flatten, Permute
void FixDimensions(const Site& site, Proposals& out);   // Unsqueeze, Squeeze, Flatten
void FixElementType(const Site& site, Proposals& out);  // Cast
void FixMerge(const Site& site, Proposals& out);        // projections before Add, dim of Concat

// inputs.cc: types of the graph's inputs.
void FixInputs(const Site& site, Proposals& out);

// parts.cc: nodes written anew.
void FixInactive(const Site& site, Proposals& out);   // bypassed or muted, though it cannot be
void FixContainer(const Site& site, Proposals& out);  // children of what is no container

// connections.cc: what is connected to what.
void FixSource(const Site& site, Proposals& out);    // nothing or something wrong at a port
void FixSurplus(const Site& site, Proposals& out);   // too many inputs
void FixTuple(const Site& site, Proposals& out);     // one of several values
void FixPortName(const Site& site, Proposals& out);  // no such port
void FixOutputs(const Site& site, Proposals& out);   // outputs of the graph
void FixTypeName(const Site& site, Proposals& out);  // no such type
void FixId(const Site& site, Proposals& out);        // ids that are taken or illegal
void FixSharing(const Site& site, Proposals& out);   // `module` of another type

}  // namespace graphkiln::compiler
