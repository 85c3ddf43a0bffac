// Inputs with and without a batch dimension. Used by bodies whose operators want one.
#pragma once

#include <initializer_list>
#include <string_view>

#include "common/nodes/body.h"

namespace graphkiln::nodes {

// Fails the body with RANK_MISMATCH at `input` unless its rank is among `ranks`.
bool CheckRank(Body& b, std::string_view rule, std::initializer_list<int> ranks);

// Returns `call(input)` as the body's result; an input of rank `unbatched` gets a batch of one
// before and loses it after.
template <class F>
void WithBatch(Body& b, int unbatched, F&& call) {
  const ir::Argument input = b.In("input");
  const ir::TensorType type = b.TypeOf(input);
  if (type.rank() != unbatched) return b.Return(call(input));
  ir::TensorType batch = type;
  batch.shape.insert(batch.shape.begin(), ir::Dim(1));
  const ir::Argument result = call(b.Call("aten.reshape.default", {input, batch.shape}));
  b.Return(b.Call("aten.reshape.default", {result, type.shape}));
}

}  // namespace graphkiln::nodes
