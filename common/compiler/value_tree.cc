#include "common/compiler/value_tree.h"

#include "common/nodes/param_spec.h"

namespace graphkiln::compiler {

std::string TreeText(const Tree& tree, const ir::Module& module) {
  switch (tree.kind) {
    case Tree::Kind::kTensor:
      return ir::TypeText(module.type(tree.value));
    case Tree::Kind::kTuple:
    case Tree::Kind::kDict: {
      std::string text = tree.kind == Tree::Kind::kTuple ? "(" : "{";
      for (size_t i = 0; i < tree.items.size() && i < 8; ++i) {
        if (i > 0) text += ", ";
        if (tree.kind == Tree::Kind::kDict) text += tree.names[i] + ": ";
        text += tree.items[i].items.empty() ? TreeText(tree.items[i], module) : "(...)";
      }
      return text + (tree.kind == Tree::Kind::kTuple ? ")" : "}");
    }
    case Tree::Kind::kLiteral:
      return nodes::ValueText(tree.literal);
    case Tree::Kind::kNone:
    case Tree::Kind::kMuted:
    case Tree::Kind::kWithheld:
      return "nothing";
    case Tree::Kind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace graphkiln::compiler
