// The families of the node registry. Each function appends its family's types; AddAllNodes calls
// them all.
#pragma once

#include <vector>

#include "common/nodes/node_def.h"

namespace graphkiln::nodes {

void AddActivationNodes(std::vector<NodeDef>& nodes);
void AddAdaptivePoolNodes(std::vector<NodeDef>& nodes);
void AddAdaptiveSoftmaxNodes(std::vector<NodeDef>& nodes);
void AddAttentionNodes(std::vector<NodeDef>& nodes);
void AddByNameNodes(std::vector<NodeDef>& nodes);
void AddCombineNodes(std::vector<NodeDef>& nodes);
void AddConvNodes(std::vector<NodeDef>& nodes);
void AddConvTransposeNodes(std::vector<NodeDef>& nodes);
void AddDropoutNodes(std::vector<NodeDef>& nodes);
void AddEmbeddingNodes(std::vector<NodeDef>& nodes);
void AddFoldNodes(std::vector<NodeDef>& nodes);
void AddFractionalPoolNodes(std::vector<NodeDef>& nodes);
void AddGridNodes(std::vector<NodeDef>& nodes);
void AddLinearNodes(std::vector<NodeDef>& nodes);
void AddLossClassNodes(std::vector<NodeDef>& nodes);
void AddLossNodes(std::vector<NodeDef>& nodes);
void AddLossPairNodes(std::vector<NodeDef>& nodes);
void AddLpPoolNodes(std::vector<NodeDef>& nodes);
void AddNormLayerNodes(std::vector<NodeDef>& nodes);
void AddNormNodes(std::vector<NodeDef>& nodes);
void AddPadNodes(std::vector<NodeDef>& nodes);
void AddPartsNodes(std::vector<NodeDef>& nodes);
void AddPointwiseNodes(std::vector<NodeDef>& nodes);
void AddPoolNodes(std::vector<NodeDef>& nodes);
void AddProductNodes(std::vector<NodeDef>& nodes);
void AddRearrangeNodes(std::vector<NodeDef>& nodes);
void AddReduceNodes(std::vector<NodeDef>& nodes);
void AddRnnCellNodes(std::vector<NodeDef>& nodes);
void AddRnnNodes(std::vector<NodeDef>& nodes);
void AddShapeNodes(std::vector<NodeDef>& nodes);
void AddShuffleNodes(std::vector<NodeDef>& nodes);
void AddSoftmaxNodes(std::vector<NodeDef>& nodes);
void AddSourceNodes(std::vector<NodeDef>& nodes);
void AddUnpoolNodes(std::vector<NodeDef>& nodes);
void AddUpsampleNodes(std::vector<NodeDef>& nodes);

inline void AddAllNodes(std::vector<NodeDef>& nodes) {
  AddActivationNodes(nodes);
  AddAdaptivePoolNodes(nodes);
  AddAdaptiveSoftmaxNodes(nodes);
  AddAttentionNodes(nodes);
  AddByNameNodes(nodes);
  AddCombineNodes(nodes);
  AddConvNodes(nodes);
  AddConvTransposeNodes(nodes);
  AddDropoutNodes(nodes);
  AddEmbeddingNodes(nodes);
  AddFoldNodes(nodes);
  AddFractionalPoolNodes(nodes);
  AddGridNodes(nodes);
  AddLinearNodes(nodes);
  AddLossClassNodes(nodes);
  AddLossNodes(nodes);
  AddLossPairNodes(nodes);
  AddLpPoolNodes(nodes);
  AddNormLayerNodes(nodes);
  AddNormNodes(nodes);
  AddPadNodes(nodes);
  AddPartsNodes(nodes);
  AddPointwiseNodes(nodes);
  AddPoolNodes(nodes);
  AddProductNodes(nodes);
  AddRearrangeNodes(nodes);
  AddReduceNodes(nodes);
  AddRnnCellNodes(nodes);
  AddRnnNodes(nodes);
  AddShapeNodes(nodes);
  AddShuffleNodes(nodes);
  AddSoftmaxNodes(nodes);
  AddSourceNodes(nodes);
  AddUnpoolNodes(nodes);
  AddUpsampleNodes(nodes);
}

}  // namespace graphkiln::nodes
