#include "common/emit/python/values.h"

#include "common/base/status.h"
#include "common/emit/python/names.h"
#include "fmt/format.h"

namespace graphkiln::emit::python {

using compiler::Tree;

// Trees nest at most 64 levels (the readers' bound), so recursion over them is safe.

bool HasDict(const Tree& tree) {
  if (tree.kind == Tree::Kind::kDict) return true;
  for (const Tree& item : tree.items) {
    if (HasDict(item)) return true;
  }
  return false;
}

void Values::Bind(const Tree& tree, const std::string& expression) {
  if (tree.IsTensor()) {
    expressions_.emplace(tree.value.index, expression);
    return;
  }
  for (size_t i = 0; i < tree.items.size(); ++i) {
    const std::string index =
        tree.kind == Tree::Kind::kDict ? StringLiteral(tree.names[i]) : std::to_string(i);
    Bind(tree.items[i], fmt::format("{}[{}]", expression, index));
  }
}

std::string Values::Read(const Tree& tree, bool bare) const {
  switch (tree.kind) {
    case Tree::Kind::kTensor: {
      const auto it = expressions_.find(tree.value.index);
      if (it != expressions_.end()) return it->second;
      GRAPHKILN_BUG("emit.unknown_value", std::to_string(tree.value.index));
      return "None";
    }
    case Tree::Kind::kTuple: {
      std::string text;
      for (const Tree& item : tree.items) text += (text.empty() ? "" : ", ") + Read(item);
      if (tree.items.size() == 1) text += ",";
      return bare && tree.items.size() > 1 ? text : "(" + text + ")";
    }
    case Tree::Kind::kDict: {
      std::string text;
      for (size_t i = 0; i < tree.items.size(); ++i) {
        text += fmt::format("{}{}: {}", i > 0 ? ", " : "", StringLiteral(tree.names[i]),
                            Read(tree.items[i]));
      }
      return "{" + text + "}";
    }
    case Tree::Kind::kLiteral:
      return ValueLiteral(tree.literal);
    case Tree::Kind::kNone:
    case Tree::Kind::kMuted:
    case Tree::Kind::kWithheld:
    case Tree::Kind::kUnknown:
      break;
  }
  return "None";
}

std::string Values::Target(const Tree& tree, const std::function<std::string(ir::ValueId)>& name,
                           bool outermost) {
  if (tree.IsTensor()) {
    if (Knows(tree.value)) return "_";
    std::string given = name(tree.value);
    if (given.empty()) return "_";
    expressions_.emplace(tree.value.index, given);
    return given;
  }
  if (tree.kind != Tree::Kind::kTuple || tree.items.empty()) return "_";
  std::string text;
  for (const Tree& item : tree.items)
    text += (text.empty() ? "" : ", ") + Target(item, name, false);
  if (tree.items.size() == 1) text += ",";
  return outermost && tree.items.size() > 1 ? text : "(" + text + ")";
}

std::string Values::Annotation(const Tree& tree) const {
  switch (tree.kind) {
    case Tree::Kind::kTensor:
      return "Tensor";
    case Tree::Kind::kTuple: {
      std::string text;
      for (const Tree& item : tree.items) text += (text.empty() ? "" : ", ") + Annotation(item);
      return fmt::format("tuple[{}]", text.empty() ? "()" : text);
    }
    case Tree::Kind::kDict: {
      std::string common = tree.items.empty() ? "Tensor" : Annotation(tree.items[0]);
      for (const Tree& item : tree.items) {
        if (Annotation(item) != common) common = "Any";
      }
      return fmt::format("dict[str, {}]", common);
    }
    case Tree::Kind::kLiteral:
      switch (tree.literal.kind_case()) {
        case v1::Value::kBoolValue:
          return "bool";
        case v1::Value::kIntValue:
          return "int";
        case v1::Value::kDoubleValue:
          return "float";
        case v1::Value::kStringValue:
          return "str";
        case v1::Value::kListValue:
          return "tuple";
        default:
          return "None";
      }
    case Tree::Kind::kNone:
    case Tree::Kind::kMuted:
    case Tree::Kind::kWithheld:
    case Tree::Kind::kUnknown:
      break;
  }
  return "None";
}

std::string Values::Shapes(const Tree& tree) const {
  if (tree.IsTensor()) {
    const ir::TensorType& type = module_.type(tree.value);
    return CommentText(
        type.dtype == v1::DATA_TYPE_FLOAT32 ? ir::ShapeText(type.shape) : ir::TypeText(type), 400);
  }
  std::string text;
  for (const Tree& item : tree.items) text += (text.empty() ? "" : ", ") + Shapes(item);
  return "(" + text + ")";
}

}  // namespace graphkiln::emit::python
