#include "common/compiler/rules.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/palette.h"
#include "common/ir/op_def.h"
#include "common/nodes/registry.h"

namespace graphkiln::compiler {
namespace {

struct NodeRule {
  std::string_view label, text;
  std::string_view types = "";  // between blanks; none: all
};

constexpr NodeRule kNodeRules[] = {
    {"ADAPTIVE_C2", "input_ has rank 1 or 2", "AdaptiveLogSoftmaxWithLoss"},
    {"ADAPTIVE_C3", "target_ holds one int64 class index for each row",
     "AdaptiveLogSoftmaxWithLoss"},
    {"BATCH_NORM_C4", "without statistics kept, a batch has more than one value per channel",
     "BatchNorm1d BatchNorm2d BatchNorm3d"},
    {"BYPASS_C1", "a node that is bypassed has an input that stands for its output"},
    {"BYPASS_C2", "the inputs of a bypassed node that joins values have one shape"},
    {"BYPASS_C3", "what asks for a bypassed node's output finds an input in its place"},
    {"BYPASS_C4", "what a bypassed node hands on has the size that its output had"},
    {"CONTAINER_C1",
     "a container holds children by the keys of its kind, and gives one value to each",
     "Sequential ModuleList ModuleDict"},
    {"DROPOUT_C4", "the input has the rank in which whole channels can be dropped",
     "Dropout1d Dropout2d Dropout3d FeatureAlphaDropout"},
    {"EMBEDDING_BAG_C6", "bags come as rows, or as one row with offsets", "EmbeddingBag"},
    {"EMBEDDING_C2", "padding_idx names a row of the table", "Embedding EmbeddingBag"},
    {"EMBEDDING_C4", "gradients are dense: no optimizer here takes sparse ones",
     "Embedding EmbeddingBag"},
    {"EXPAND_BATCH_C1", "like has a dimension that counts samples", "ExpandBatch"},
    {"FRACTIONAL_C3", "exactly one of output_size and output_ratio is given",
     "FractionalMaxPool2d FractionalMaxPool3d"},
    {"GAUSSIAN_NLL_C1", "var has the input's shape, or one value for its last dimension",
     "GaussianNLLLoss"},
    {"GAUSSIAN_NLL_C2", "var is floating-point", "GaussianNLLLoss"},
    {"GET_C1", "the position names a part of the value", "Get"},
    {"INDEX_SELECT_C2", "the positions come from one side: a parameter or an input", "IndexSelect"},
    {"INDEX_SELECT_C3", "the positions lie inside of the dimension", "IndexSelect"},
    {"INTERPOLATE_C1", "align_corners goes with linear, bilinear, bicubic and trilinear",
     "Interpolate"},
    {"INTERPOLATE_C2", "exactly one of size and scale_factor is given", "Interpolate"},
    {"INTERPOLATE_C3", "recompute_scale_factor goes with scale_factor", "Interpolate"},
    {"INTERPOLATE_C4", "the input has the rank that the mode resizes", "Interpolate"},
    {"INTERPOLATE_C5", "size or scale_factor names each spatial dimension", "Interpolate"},
    {"INTERPOLATE_C6", "antialias goes with bilinear and bicubic", "Interpolate"},
    {"INTERPOLATE_C7", "the resized dimensions have a size of 1 or more", "Interpolate"},
    {"LENGTH_C1", "dim is a dimension of the input", "Positions CausalMask"},
    {"LSTM_C1", "proj_size is smaller than hidden_size", "LSTM"},
    {"MULTIHEAD_C1", "query is a sequence, with or without a batch", "MultiheadAttention"},
    {"MULTIHEAD_C2", "num_heads divides embed_dim", "MultiheadAttention"},
    {"MULTIHEAD_C3", "key and value have query's rank and batch, and one length",
     "MultiheadAttention"},
    {"MULTIHEAD_C4", "is_causal comes with the mask that it speaks of", "MultiheadAttention"},
    {"MULTIHEAD_C5", "masks have the sizes of query and key, and truth values or query's type",
     "MultiheadAttention"},
    {"OTHER_C1", "the second operand is a tensor or a number, not both"},
    {"PERMUTE_TIME_C1", "the input has a batch, channels and time",
     "Permute_BCT_to_BTH Permute_BTH_to_BCT"},
    {"REDUCE_NAME_C1", "dim names as many dimensions as the reduction takes: one, or several",
     "Reduce"},
    {"RESPONSE_NORM_C1", "the input has a batch, channels and spatial dimensions",
     "LocalResponseNorm CrossMapLRN2d"},
    {"RESPONSE_NORM_C2", "the number of channels is known", "CrossMapLRN2d"},
    {"RNN_C7", "a sequence without a batch has a state without one", "RNN GRU LSTM"},
    {"SCHEMA_C1", "each argument of an operator is of the kind that its schema names"},
    {"SHARED_C1", "nodes that share weights agree in type and in all parameters"},
    {"SOFTMAX_C4", "the input has channels and two spatial dimensions", "Softmax2d"},
    {"TENSOR_C1", "a tensor has at most 64 dimensions"},
    {"TENSOR_C2", "no size is negative"},
    {"TENSOR_C3", "a tensor has at most 2^50 elements, and sizes that can be written"},
    {"TORCH_FN_C1", "the function that is named takes the parameter", "TorchFn"},
    {"TORCH_FN_C2", "the function that is named has all parameters that it needs", "TorchFn"},
    {"UNPOOL_C4", "output_size is what the pool may have had before it",
     "MaxUnpool1d MaxUnpool2d MaxUnpool3d"},
    {"WEIGHT_C1", "a weight has at most 2^40 elements, and no negative size"},
    {"WEIGHT_C2", "a weight that nodes share has one type, and each weight one name"},
    {"WEIGHT_OF_C1", "the node at the input has a weight of that name", "WeightOf"},
};

void AddText(RulePage& page, std::string_view text) {
  if (std::find(page.texts.begin(), page.texts.end(), text) == page.texts.end())
    page.texts.emplace_back(text);
}

// Those whose example calls one of the operators, the plainest first; then the operators that are
// types, too.
void AddTypes(RulePage& page, const std::set<std::string_view>& operators) {
  std::vector<std::pair<int, std::string>> types;  // with the number of operators
  for (const PaletteEntry& entry : Palette()) {
    const v1::NodeType type = entry.Describe();
    if (std::any_of(type.operators().begin(), type.operators().end(),
                    [&](const std::string& op) { return operators.contains(op); }))
      types.emplace_back(type.operators_size(), type.name());
  }
  std::sort(types.begin(), types.end());
  for (auto& [count, name] : types) page.types.push_back(std::move(name));
  for (const std::string_view op : operators) {
    if (nodes::FindNode(op) != nullptr) page.types.emplace_back(op);
  }
}

}  // namespace

std::optional<RulePage> FindRule(std::string_view label) {
  RulePage page;
  page.label = std::string(label);
  for (const NodeRule& rule : kNodeRules) {
    if (rule.label != label) continue;
    AddText(page, rule.text);
    for (const std::string_view type : SplitView(rule.types, ' ')) {
      if (!type.empty()) page.types.emplace_back(type);
    }
  }
  std::set<std::string_view> operators;
  for (const ir::OpDef* op : ir::AllOps()) {
    for (const ir::Rule& rule : op->rules) {
      if (rule.label != label) continue;
      AddText(page, rule.text);
      operators.insert(op->name);
    }
  }
  for (const PaletteEntry& entry : Palette()) {
    if (entry.composite == nullptr) continue;
    for (const v1::CompositeRequirement& constraint : entry.composite->constraints()) {
      if (constraint.rule() != label) continue;
      AddText(page, constraint.message());
      page.types.push_back(entry.name);
    }
  }
  if (page.texts.empty()) return std::nullopt;
  if (!operators.empty()) AddTypes(page, operators);
  if (!page.types.empty()) page.example = page.types.front();
  return page;
}

std::vector<std::string> RuleLabels() {
  std::set<std::string> labels;
  for (const NodeRule& rule : kNodeRules) labels.emplace(rule.label);
  for (const ir::OpDef* op : ir::AllOps()) {
    for (const ir::Rule& rule : op->rules) labels.emplace(rule.label);
  }
  for (const PaletteEntry& entry : Palette()) {
    if (entry.composite == nullptr) continue;
    for (const v1::CompositeRequirement& constraint : entry.composite->constraints())
      if (!constraint.rule().empty()) labels.insert(constraint.rule());
  }
  return {labels.begin(), labels.end()};
}

}  // namespace graphkiln::compiler
