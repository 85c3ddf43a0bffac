// The 23 node types of TorchCanvas with their parameters. Names are those of the registry; the
// table holds which parameters a file may give, and what is different. Used by reader and writer.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::torchcanvas {

/// How data lies in what a node gives, as far as its type tells.
enum class Layout { kAsInput, kChannelsFirst, kTimeFirst, kOther };

struct TypeRow {
  std::string_view name;  // here and there
  std::vector<std::string_view> params = {};
  Layout layout = Layout::kAsInput;
  bool reads_time_first = false;  // its input is [B, T, H]
  int at_least = 1, at_most = 1;  // edges into it
};

/// Null where the format has no such type. `Input` and `Output` are none of them.
const TypeRow* FindType(std::string_view name);
std::vector<std::string> TypeNames();

/// The same node with the format's parameters read: `same` paddings, older spellings, zeros that
/// stand for nothing. What is wrong is left as it is, for the compiler to tell.
struct ReadNode {
  v1::Node node;
  // Zeros in front of and behind each dimension that no padding of the convolution can say.
  std::optional<std::pair<int64_t, int64_t>> pad;
  bool even_same = false;  // `same` with an even kernel
  int64_t even_padding = 0;
};
ReadNode Translate(v1::Node node);

/// A node as the format has it; the keys are sorted.
std::optional<v1::Node> TranslateBack(const v1::Node& node);

}  // namespace graphkiln::formats::torchcanvas
