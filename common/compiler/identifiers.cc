#include "common/compiler/identifiers.h"

#include <cctype>

#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Ids are at most 1,024 bytes; identifiers of generated code stay readable.
constexpr size_t kMaxLength = 120;

// Python's keywords, names that generated code uses, and nn.Module's attributes: an attribute of
// that name would break the module.
const StringSet& Reserved() {
  static const StringSet* const kReserved = new StringSet{"False",
                                                          "None",
                                                          "True",
                                                          "and",
                                                          "as",
                                                          "assert",
                                                          "async",
                                                          "await",
                                                          "break",
                                                          "class",
                                                          "continue",
                                                          "def",
                                                          "del",
                                                          "elif",
                                                          "else",
                                                          "except",
                                                          "finally",
                                                          "for",
                                                          "from",
                                                          "global",
                                                          "if",
                                                          "import",
                                                          "in",
                                                          "is",
                                                          "lambda",
                                                          "nonlocal",
                                                          "not",
                                                          "or",
                                                          "pass",
                                                          "raise",
                                                          "return",
                                                          "try",
                                                          "while",
                                                          "with",
                                                          "yield",
                                                          "match",
                                                          "case",
                                                          "self",
                                                          "torch",
                                                          "nn",
                                                          "super",
                                                          "Tensor",
                                                          "forward",
                                                          "training",
                                                          "add_module",
                                                          "apply",
                                                          "bfloat16",
                                                          "buffers",
                                                          "call_super_init",
                                                          "children",
                                                          "compile",
                                                          "cpu",
                                                          "cuda",
                                                          "double",
                                                          "dump_patches",
                                                          "eval",
                                                          "extra_repr",
                                                          "float",
                                                          "get_buffer",
                                                          "get_extra_state",
                                                          "get_parameter",
                                                          "get_submodule",
                                                          "half",
                                                          "ipu",
                                                          "load_state_dict",
                                                          "modules",
                                                          "mtia",
                                                          "named_buffers",
                                                          "named_children",
                                                          "named_modules",
                                                          "named_parameters",
                                                          "parameters",
                                                          "register_backward_hook",
                                                          "register_buffer",
                                                          "register_forward_hook",
                                                          "register_forward_pre_hook",
                                                          "register_full_backward_hook",
                                                          "register_full_backward_pre_hook",
                                                          "register_load_state_dict_post_hook",
                                                          "register_load_state_dict_pre_hook",
                                                          "register_module",
                                                          "register_parameter",
                                                          "register_state_dict_post_hook",
                                                          "register_state_dict_pre_hook",
                                                          "requires_grad_",
                                                          "set_extra_state",
                                                          "set_submodule",
                                                          "share_memory",
                                                          "state_dict",
                                                          "to",
                                                          "to_empty",
                                                          "train",
                                                          "type",
                                                          "xpu",
                                                          "zero_grad",
                                                          "T_destination",
                                                          "__init__",
                                                          "__call__",
                                                          "__class__",
                                                          "__dict__",
                                                          "__doc__",
                                                          "__getattr__",
                                                          "__setattr__",
                                                          "__delattr__",
                                                          "__dir__",
                                                          "__repr__"};
  return *kReserved;
}

bool IsLegal(std::string_view text) {
  if (text.empty() || text.size() > kMaxLength || std::isdigit(static_cast<unsigned char>(text[0])))
    return false;
  for (const char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  // Names with leading underscores belong to nn.Module (`_parameters`, `_modules`, ...) and to
  // Python.
  return text[0] != '_' && !Reserved().contains(text);
}

}  // namespace

std::string ToIdentifier(std::string_view text) {
  if (IsLegal(text)) return std::string(text);
  std::string out;
  for (const char c : text.substr(0, kMaxLength)) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    // Runs of other characters become one underscore.
    if (word) {
      out += c;
    } else if (out.empty() || out.back() != '_') {
      out += '_';
    }
  }
  if (out.empty() || std::isdigit(static_cast<unsigned char>(out[0])) || out[0] == '_')
    out = "n" + out;
  if (Reserved().contains(out)) out += '_';
  return out;
}

std::vector<std::string> MangleIds(absl::Span<const std::string> ids) {
  // The first node of a legal id has its name.
  absl::flat_hash_set<std::string_view, StringHash, StringEq> legal;
  legal.reserve(ids.size());
  std::vector<std::string> names(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (IsLegal(ids[i]) && legal.insert(ids[i]).second) names[i] = ids[i];
  }
  StringSet made;
  StringMap<int> next;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!names[i].empty()) continue;
    std::string name = ToIdentifier(ids[i]);
    const std::string stem = name;
    int& number = next[stem];
    if (number == 0) number = 1;
    while (legal.contains(name) || !made.insert(name).second)
      name = fmt::format("{}_{}", stem, ++number);
    names[i] = std::move(name);
  }
  return names;
}

std::vector<std::string> MangleInnerIds(absl::Span<const std::string> ids, bool container) {
  constexpr char kDigits[] = "0123456789";
  std::vector<std::string> identifiers = MangleIds(ids);
  for (size_t i = 0; i < ids.size(); ++i) {
    const size_t dot = ids[i].rfind('.');
    if (container && ids[i].find_first_not_of(kDigits) == std::string::npos)
      identifiers[i] = ids[i];
    if (dot == std::string::npos || dot + 1 == ids[i].size() ||
        ids[i].find_first_not_of(kDigits, dot + 1) != std::string::npos) {
      continue;
    }
    identifiers[i] = ToIdentifier(ids[i].substr(0, dot)) + ids[i].substr(dot);
  }
  return identifiers;
}

}  // namespace graphkiln::compiler
