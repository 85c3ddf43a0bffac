// The families of the node registry. Each function appends its family's types; AddAllNodes calls
// them all.
#pragma once

#include <vector>

#include "common/nodes/node_def.h"

namespace graphkiln::nodes {

void AddActivationNodes(std::vector<NodeDef>& nodes);
void AddAttentionNodes(std::vector<NodeDef>& nodes);
void AddCombineNodes(std::vector<NodeDef>& nodes);
void AddConvNodes(std::vector<NodeDef>& nodes);
void AddEmbeddingNodes(std::vector<NodeDef>& nodes);
void AddLinearNodes(std::vector<NodeDef>& nodes);
void AddLossNodes(std::vector<NodeDef>& nodes);
void AddNormNodes(std::vector<NodeDef>& nodes);
void AddPartsNodes(std::vector<NodeDef>& nodes);
void AddPointwiseNodes(std::vector<NodeDef>& nodes);
void AddPoolNodes(std::vector<NodeDef>& nodes);
void AddProductNodes(std::vector<NodeDef>& nodes);
void AddRearrangeNodes(std::vector<NodeDef>& nodes);
void AddReduceNodes(std::vector<NodeDef>& nodes);
void AddRnnNodes(std::vector<NodeDef>& nodes);
void AddRnnCellNodes(std::vector<NodeDef>& nodes);
void AddShapeNodes(std::vector<NodeDef>& nodes);

inline void AddAllNodes(std::vector<NodeDef>& nodes) {
  AddActivationNodes(nodes);
  AddAttentionNodes(nodes);
  AddCombineNodes(nodes);
  AddConvNodes(nodes);
  AddEmbeddingNodes(nodes);
  AddLinearNodes(nodes);
  AddLossNodes(nodes);
  AddNormNodes(nodes);
  AddPartsNodes(nodes);
  AddPointwiseNodes(nodes);
  AddPoolNodes(nodes);
  AddProductNodes(nodes);
  AddRearrangeNodes(nodes);
  AddReduceNodes(nodes);
  AddRnnNodes(nodes);
  AddRnnCellNodes(nodes);
  AddShapeNodes(nodes);
}

}  // namespace graphkiln::nodes
