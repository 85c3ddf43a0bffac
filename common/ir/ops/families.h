// The families of the operator table. Each function appends its family's entries; AddAll calls them
// all. Registration is explicit, because the linker drops static initialisers of unreferenced
// objects.
#pragma once

#include <vector>

#include "common/ir/op_def.h"

namespace graphkiln::ir::ops {

void AddActivation(std::vector<OpDef>& ops);
void AddAdaptivePool(std::vector<OpDef>& ops);
void AddAttention(std::vector<OpDef>& ops);
void AddConv(std::vector<OpDef>& ops);
void AddConvTranspose(std::vector<OpDef>& ops);
void AddCreate(std::vector<OpDef>& ops);
void AddDecomposed(std::vector<OpDef>& ops);
void AddDropout(std::vector<OpDef>& ops);
void AddEinsum(std::vector<OpDef>& ops);
void AddEmbedding(std::vector<OpDef>& ops);
void AddFold(std::vector<OpDef>& ops);
void AddFractionalPool(std::vector<OpDef>& ops);
void AddGrid(std::vector<OpDef>& ops);
void AddIndex(std::vector<OpDef>& ops);
void AddLinear(std::vector<OpDef>& ops);
void AddLoss(std::vector<OpDef>& ops);
void AddLossClass(std::vector<OpDef>& ops);
void AddLossPair(std::vector<OpDef>& ops);
void AddMatmul(std::vector<OpDef>& ops);
void AddNorm(std::vector<OpDef>& ops);
void AddNormNative(std::vector<OpDef>& ops);
void AddPad(std::vector<OpDef>& ops);
void AddPointwise(std::vector<OpDef>& ops);
void AddPool(std::vector<OpDef>& ops);
void AddReduce(std::vector<OpDef>& ops);
void AddResize(std::vector<OpDef>& ops);
void AddRnn(std::vector<OpDef>& ops);
void AddRnnCell(std::vector<OpDef>& ops);
void AddScan(std::vector<OpDef>& ops);
void AddScatter(std::vector<OpDef>& ops);
void AddShape(std::vector<OpDef>& ops);
void AddShuffle(std::vector<OpDef>& ops);
void AddSoftmax(std::vector<OpDef>& ops);
void AddUnpool(std::vector<OpDef>& ops);
void AddUpsample(std::vector<OpDef>& ops);

inline void AddAll(std::vector<OpDef>& ops) {
  AddActivation(ops);
  AddAdaptivePool(ops);
  AddAttention(ops);
  AddConv(ops);
  AddConvTranspose(ops);
  AddCreate(ops);
  AddDecomposed(ops);
  AddDropout(ops);
  AddEinsum(ops);
  AddEmbedding(ops);
  AddFold(ops);
  AddFractionalPool(ops);
  AddGrid(ops);
  AddIndex(ops);
  AddLinear(ops);
  AddLoss(ops);
  AddLossClass(ops);
  AddLossPair(ops);
  AddMatmul(ops);
  AddNorm(ops);
  AddNormNative(ops);
  AddPad(ops);
  AddPointwise(ops);
  AddPool(ops);
  AddReduce(ops);
  AddResize(ops);
  AddRnn(ops);
  AddRnnCell(ops);
  AddScan(ops);
  AddScatter(ops);
  AddShape(ops);
  AddShuffle(ops);
  AddSoftmax(ops);
  AddUnpool(ops);
  AddUpsample(ops);
}

}  // namespace graphkiln::ir::ops
