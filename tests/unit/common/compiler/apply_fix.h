// Applies the edits of a fix to a graph; for the tests that prove that fixes mend what they say.
#pragma once

#include <gtest/gtest.h>

#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

inline v1::Node* FindNode(v1::Graph& graph, const std::string& id) {
  for (v1::Node& node : *graph.mutable_nodes()) {
    if (node.id() == id) return &node;
  }
  ADD_FAILURE() << "a fix names a node that is not there: " << id;
  return nullptr;
}

inline void ApplyConnect(const v1::Connect& edit, v1::Graph& graph) {
  v1::Argument source;
  *source.mutable_reference() = edit.source();
  if (edit.node().empty()) {
    for (v1::GraphOutput& output : *graph.mutable_outputs()) {
      if (output.name() == edit.port()) *output.mutable_value() = source;
    }
    return;
  }
  v1::Node* node = FindNode(graph, edit.node());
  if (node == nullptr) return;
  for (v1::NodeInput& input : *node->mutable_inputs()) {
    if (!input.port().empty() && input.port() != edit.port()) continue;
    *input.mutable_value() = source;
    return;
  }
  v1::NodeInput* input = node->add_inputs();
  input->set_port(edit.port());
  *input->mutable_value() = source;
}

inline void ApplyEdit(const v1::Edit& edit, v1::Graph& graph) {
  switch (edit.op_case()) {
    case v1::Edit::kAddNode:
      *graph.add_nodes() = edit.add_node().node();
      return;
    case v1::Edit::kRemoveNode:
      for (int i = 0; i < graph.nodes_size(); ++i) {
        if (graph.nodes(i).id() == edit.remove_node().node())
          return graph.mutable_nodes()->DeleteSubrange(i, 1);
      }
      return;
    case v1::Edit::kSetParam:
      if (v1::Node* node = FindNode(graph, edit.set_param().node())) {
        (*node->mutable_params())[edit.set_param().param()] = edit.set_param().value();
      }
      return;
    case v1::Edit::kUnsetParam:
      if (v1::Node* node = FindNode(graph, edit.unset_param().node())) {
        node->mutable_params()->erase(edit.unset_param().param());
      }
      return;
    case v1::Edit::kSetType:
      if (v1::Node* node = FindNode(graph, edit.set_type().node()))
        node->set_type(edit.set_type().type());
      return;
    case v1::Edit::kConnect:
      return ApplyConnect(edit.connect(), graph);
    default:
      ADD_FAILURE() << "no scenario has needed this edit yet: " << edit.ShortDebugString();
  }
}

}  // namespace graphkiln::compiler
