#include <algorithm>
#include <cctype>
#include <memory>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/ir/op_def.h"
#include "common/ir/ops/families.h"

namespace graphkiln::ir {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Splits at commas outside parentheses and brackets.
std::vector<std::string_view> SplitArgs(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      const std::string_view part = Trim(text.substr(start, i - start));
      if (!part.empty()) parts.push_back(part);
      start = i + 1;
    } else if (text[i] == '(' || text[i] == '[') {
      ++depth;
    } else if (text[i] == ')' || text[i] == ']') {
      --depth;
    }
  }
  return parts;
}

Argument ParseDefault(std::string_view text) {
  if (text == "None") return Argument();
  if (text == "True") return Argument(true);
  if (text == "False") return Argument(false);
  if (text == "Mean") return Argument(int64_t{1});  // at::Reduction::Mean
  if (text.front() == '[' && text.back() == ']') {
    Argument::List list;
    for (const std::string_view item : SplitArgs(text.substr(1, text.size() - 2))) {
      list.push_back(ParseDefault(item));
    }
    return Argument(std::move(list));
  }
  if (text.front() == '\'' || text.front() == '"') {
    return Argument(std::string(text.substr(1, text.size() - 2)));
  }
  const std::string number(text);
  if (number.find_first_of(".e") != std::string::npos) return Argument(std::stod(number));
  return Argument(static_cast<int64_t>(std::stoll(number)));
}

SchemaArg ParseArg(std::string_view text) {
  SchemaArg arg;
  const size_t equals = text.find('=');
  if (equals != std::string_view::npos) {
    arg.has_default = true;
    arg.default_value = ParseDefault(Trim(text.substr(equals + 1)));
    text = Trim(text.substr(0, equals));
  }
  const size_t blank = text.rfind(' ');
  arg.name = std::string(text.substr(blank + 1));
  std::string type(Trim(text.substr(0, blank)));
  const size_t alias = type.find('(');
  if (alias != std::string::npos) {
    const size_t end = type.find(')', alias);
    arg.written = type.substr(alias, end - alias).find('!') != std::string::npos;
    type.erase(alias, end - alias + 1);
  }
  if (!type.empty() && type.back() == '?') {
    arg.optional = true;
    type.pop_back();
  }
  bool list = false;
  const size_t bracket = type.find('[');
  if (bracket != std::string::npos) {
    list = true;
    type.erase(bracket);
  }
  using Type = SchemaArg::Type;
  if (type == "Tensor" || type == "Tensor?") {
    arg.optional_elements = list && type.back() == '?';
    arg.type = list ? Type::kTensorList : Type::kTensor;
  } else if (type == "int" || type == "SymInt") {
    arg.type = list ? Type::kIntList : Type::kInt;
  } else if (type == "float") {
    arg.type = list ? Type::kFloatList : Type::kFloat;
  } else if (type == "bool") {
    arg.type = list ? Type::kBoolList : Type::kBool;
  } else if (type == "Scalar") {
    arg.type = Type::kScalar;
  } else if (type == "str") {
    arg.type = Type::kString;
  } else if (type == "ScalarType") {
    arg.type = Type::kDType;
  } else if (type == "Layout") {
    arg.type = Type::kLayout;
  } else if (type == "Device") {
    arg.type = Type::kDevice;
  } else if (type == "MemoryFormat") {
    arg.type = Type::kMemoryFormat;
  } else if (type == "Generator") {
    arg.type = Type::kGenerator;
  } else {
    GRAPHKILN_BUG("op_table.schema", type);
  }
  return arg;
}

void ParseSchema(OpDef& op) {
  const size_t arrow = op.schema.rfind("->");
  std::string_view in = Trim(op.schema.substr(0, arrow));
  in = in.substr(1, in.size() - 2);
  bool keyword_only = false;
  for (const std::string_view part : SplitArgs(in)) {
    if (part == "*") {
      keyword_only = true;
      continue;
    }
    op.args.push_back(ParseArg(part));
    op.args.back().keyword_only = keyword_only;
    op.mutates = op.mutates || op.args.back().written;
  }
  std::string_view out = Trim(op.schema.substr(arrow + 2));
  if (out.front() == '(') out = out.substr(1, out.size() - 2);
  const std::vector<std::string_view> returns = SplitArgs(out);
  op.num_returns = static_cast<int>(returns.size());
  for (const std::string_view text : returns) {
    const size_t blank = text.rfind(' ');
    op.return_names.emplace_back(blank == std::string_view::npos ? "" : text.substr(blank + 1));
    op.returns_number = op.returns_number || text.substr(0, 6) != "Tensor";
  }
  op.returns_list = returns.size() == 1 && returns[0].find("[]") != std::string_view::npos;
}

struct Table {
  std::vector<std::unique_ptr<OpDef>> owned;
  StringMap<const OpDef*> by_name;
  std::vector<const OpDef*> ordered;
};

const Table& GetTable() {
  static const Table* const kTable = [] {
    auto* table = new Table();
    std::vector<OpDef> ops;
    ops::AddAll(ops);
    for (OpDef& op : ops) {
      ParseSchema(op);
      auto owned = std::make_unique<OpDef>(std::move(op));
      if (!table->by_name.emplace(std::string(owned->name), owned.get()).second) {
        GRAPHKILN_BUG("op_table.duplicate", std::string(owned->name));
      }
      table->ordered.push_back(owned.get());
      table->owned.push_back(std::move(owned));
    }
    std::sort(table->ordered.begin(), table->ordered.end(),
              [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
    return table;
  }();
  return *kTable;
}

}  // namespace

int OpDef::ArgIndex(std::string_view arg) const {
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].name == arg) return static_cast<int>(i);
  }
  return -1;
}

const OpDef* FindOp(std::string_view name) {
  const auto& by_name = GetTable().by_name;
  const auto it = by_name.find(name);
  return it != by_name.end() ? it->second : nullptr;
}

const std::vector<const OpDef*>& AllOps() { return GetTable().ordered; }

std::vector<std::string> OpNames() {
  std::vector<std::string> names;
  for (const OpDef* op : AllOps()) names.emplace_back(op->name);
  return names;
}

}  // namespace graphkiln::ir
