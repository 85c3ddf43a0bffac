// Nodes that make a value fit a port: the order and number of its dimensions, its element type,
// projections before merges.
#include <algorithm>
#include <cctype>

#include "common/base/strings.h"
#include "common/compiler/fixes/generators.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

constexpr size_t kMostInputs = 6;

Layer Permute(std::vector<int64_t> dims) { return {"Permute", {{"dims", IntsValue(dims)}}}; }

Layer Flatten(int start, int end) {
  Layer layer{"Flatten", {{"start_dim", IntValue(start)}}};
  if (end != -1) layer.params.emplace_back("end_dim", IntValue(end));
  return layer;
}

Layer Reshape(const std::vector<int64_t>& shape) {
  return {"Reshape", {{"shape", IntsValue(shape)}}};
}

// Orders that keep the batch first: channels last to channels first and back, the last two swapped.
std::vector<std::vector<int64_t>> Orders(int rank) {
  switch (rank) {
    case 3:
      return {{0, 2, 1}};
    case 4:
      return {{0, 3, 1, 2}, {0, 2, 3, 1}, {0, 1, 3, 2}, {0, 2, 1, 3}};
    case 5:
      return {{0, 4, 1, 2, 3}, {0, 2, 3, 4, 1}, {0, 1, 2, 4, 3}};
    default:
      return {};
  }
}

// Inputs that a finding is about: that of its port first, then the others.
std::vector<const SiteInput*> Concerned(const Site& site) {
  std::vector<const SiteInput*> out;
  const SiteInput* at = site.At();
  // Of several values at one port, the first sets the size.
  const bool several = at != nullptr && at->position == 0 && site.inputs.size() > 1 &&
                       SplitPort(site.diagnostic.port()).second < 0;
  if (several) at = &site.inputs[1];
  if (at != nullptr) out.push_back(at);
  for (const SiteInput& input : site.inputs) {
    if (out.size() >= kMostInputs) break;
    if (std::find(out.begin(), out.end(), &input) == out.end()) out.push_back(&input);
  }
  return out;
}

bool AllConst(const ir::TensorType& type, int from) {
  for (int d = from; d < type.rank(); ++d) {
    if (!type.dim(d).IsConst() || type.dim(d).value() < 1) return false;
  }
  return true;
}

std::vector<int64_t> SizesFrom(const ir::TensorType& type, int from) {
  std::vector<int64_t> out;
  for (int d = from; d < type.rank(); ++d) out.push_back(type.dim(d).value());
  return out;
}

// Layers that give `from` the sizes of `to`, the batch aside.
void Project(const SiteInput& input, const ir::TensorType& from, const ir::TensorType& to,
             Proposals& out) {
  const int rank = from.rank();
  if (rank != to.rank()) {
    // [B, C] beside [B, C, H, W]: one number for each channel.
    if (rank == 2 && to.rank() > 2 && to.dim(1).IsConst()) {
      std::vector<int64_t> shape = {-1, to.dim(1).value()};
      shape.resize(static_cast<size_t>(to.rank()), 1);
      if (from.dim(1) == to.dim(1)) {
        out.Insert(kNatural, input, {Reshape(shape)});
      } else {
        out.Insert(kPossible, input,
                   {{"Linear", {{"out_features", IntValue(to.dim(1).value())}}}, Reshape(shape)});
      }
    }
    if (to.rank() == 2 && rank > 2) {
      out.Insert(kPossible, input, {Flatten(1, -1)});
      if (to.dim(1).IsConst()) {
        out.Insert(kPossible, input,
                   {Flatten(1, -1), {"Linear", {{"out_features", IntValue(to.dim(1).value())}}}});
      }
    }
    if (rank == to.rank() - 1) {
      for (const int d : {1, 0, -1})
        out.Insert(kPossible, input, {{"Unsqueeze", {{"dim", IntValue(d)}}}});
    }
    return;
  }
  if (rank < 2) return;
  if (rank < 5 && AllConst(from, 1) && AllConst(to, 1)) {
    std::vector<int64_t> shape = SizesFrom(to, 1);
    int64_t mine = 1, other = 1;
    for (const int64_t size : SizesFrom(from, 1)) mine *= std::min<int64_t>(size, 1 << 15);
    for (const int64_t size : shape) other *= std::min<int64_t>(size, 1 << 15);
    shape.insert(shape.begin(), -1);
    if (mine == other) out.Insert(kForced, input, {Reshape(shape)});
  }
  bool spatial = false;
  for (int d = 2; d < rank; ++d) spatial |= from.dim(d) != to.dim(d);
  const bool channels = from.dim(1) != to.dim(1);
  std::vector<Layer> layers;
  if (channels && !spatial && rank >= 3 && rank <= 5 && to.dim(1).IsConst()) {
    layers.push_back(
        {fmt::format("Conv{}d", rank - 2),
         {{"out_channels", IntValue(to.dim(1).value())}, {"kernel_size", IntValue(1)}}});
    out.Insert(kNatural, input, layers);
  }
  bool before = false;  // a difference before the last dimension
  for (int d = 1; d + 1 < rank; ++d) before |= from.dim(d) != to.dim(d);
  if (!before && from.dim(-1) != to.dim(-1) && to.dim(-1).IsConst()) {
    out.Insert(kNatural, input, {{"Linear", {{"out_features", IntValue(to.dim(-1).value())}}}});
  }
  if (spatial && rank >= 3 && rank <= 5 && AllConst(to, 2)) {
    layers.clear();
    const std::vector<int64_t> sizes = SizesFrom(to, 2);
    layers.push_back(
        {fmt::format("AdaptiveAvgPool{}d", rank - 2), {{"output_size", IntsValue(sizes)}}});
    if (channels && to.dim(1).IsConst()) {
      layers.push_back(
          {fmt::format("Conv{}d", rank - 2),
           {{"out_channels", IntValue(to.dim(1).value())}, {"kernel_size", IntValue(1)}}});
    }
    out.Insert(kPossible, input, layers);
  }
}

}  // namespace

void FixOrder(const Site& site, Proposals& out) {
  for (const SiteInput* input : Concerned(site)) {
    if (!input->type) continue;
    const int rank = input->type->rank();
    if (rank >= 3) out.Insert(kExact, *input, {Flatten(1, -1)});
    for (std::vector<int64_t>& order : Orders(rank)) out.Insert(kExact, *input, {Permute(order)});
    if (rank == 2) out.Insert(kPossible, *input, {Permute({1, 0})});
    if (rank >= 4) out.Insert(kPossible, *input, {Flatten(2, -1)});
    if (rank == 4) out.Insert(kPossible, *input, {Flatten(2, -1), Permute({0, 2, 1})});
  }
}

void FixDimensions(const Site& site, Proposals& out) {
  for (const SiteInput* input : Concerned(site)) {
    if (!input->type) continue;
    const ir::TensorType& type = *input->type;
    for (int d = type.rank() - 1; d >= 1; --d) {
      if (type.dim(d).IsConst(1))
        out.Insert(kNatural, *input, {{"Squeeze", {{"dim", IntValue(d)}}}});
    }
    if (type.rank() >= 3) out.Insert(kNatural, *input, {Flatten(1, -1)});
    if (type.rank() >= 4) out.Insert(kNatural, *input, {Flatten(2, -1)});
    if (type.rank() >= 3) out.Insert(kForced, *input, {{"Mean", {{"dim", IntValue(1)}}}});
    if (type.rank() <= 4) {
      for (const int d : {1, -1, 0})
        out.Insert(type.rank() == 1 ? kPossible : kNatural, *input,
                   {{"Unsqueeze", {{"dim", IntValue(d)}}}});
    }
    if (type.rank() == 2 && type.dim(1).IsConst())
      out.Insert(kForced, *input, {Reshape({-1, type.dim(1).value(), 1, 1})});
  }
  // Conv2d where Conv1d is meant.
  const std::string& name = site.node->type();
  if (name.size() < 3 || !name.ends_with("d") ||
      !std::isdigit(static_cast<unsigned char>(name[name.size() - 2])))
    return;
  for (const char digit : {'1', '2', '3'}) {
    if (digit == name[name.size() - 2]) continue;
    std::string other = name;
    other[name.size() - 2] = digit;
    v1::Fix& fix = out.Add(kNatural, fmt::format("change the type to {}", other));
    v1::SetType& edit = *fix.add_edits()->mutable_set_type();
    edit.set_node(site.node->id());
    edit.set_type(other);
  }
}

void FixElementType(const Site& site, Proposals& out) {
  const auto cast = [&](FixRank rank, const SiteInput& input, v1::DataType dtype) {
    v1::Value value;
    value.set_dtype_value(dtype);
    if (input.type && input.type->dtype != dtype)
      out.Insert(rank, input, {{"Cast", {{"dtype", value}}}});
  };
  std::vector<v1::DataType> wanted;
  std::string word;
  for (const char c : site.diagnostic.expected() + " ") {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      word += c;
      continue;
    }
    const v1::DataType dtype = ir::ParseDType(word);
    if (dtype != v1::DATA_TYPE_UNSPECIFIED) wanted.push_back(dtype);
    if (word == "floating") wanted.push_back(v1::DATA_TYPE_FLOAT32);
    word.clear();
  }
  for (const v1::DataType dtype :
       {v1::DATA_TYPE_FLOAT32, v1::DATA_TYPE_INT64, v1::DATA_TYPE_BOOL}) {
    if (std::find(wanted.begin(), wanted.end(), dtype) == wanted.end()) wanted.push_back(dtype);
  }
  for (const SiteInput* input : Concerned(site)) {
    for (size_t i = 0; i < wanted.size(); ++i)
      cast(i == 0 ? kNatural : kPossible, *input, wanted[i]);
    for (const SiteInput& other : site.inputs) {
      if (&other != input && other.type) cast(kPossible, *input, other.type->dtype);
    }
  }
}

void FixMerge(const Site& site, Proposals& out) {
  const size_t count = std::min(site.inputs.size(), kMostInputs);
  // The value that the finding names is brought to the others' sizes; else the other way round.
  for (const SiteInput* input : Concerned(site)) {
    if (!input->type || !input->source) continue;
    for (size_t i = 0; i < count; ++i) {
      const SiteInput& other = site.inputs[i];
      if (&other != input && other.type && other.type->shape != input->type->shape)
        Project(*input, *input->type, *other.type, out);
    }
  }
  if (site.inputs.empty() || !site.inputs[0].type) return;
  for (const char* name : {"dim", "axis"}) {
    if (std::none_of(site.params.begin(), site.params.end(),
                     [&](const nodes::ParamSpec& spec) { return spec.name == name; }))
      continue;
    for (int d = 0; d < site.inputs[0].type->rank(); ++d) {
      if (site.IntParam(name) != d) out.SetParam(d == 0 ? kPossible : kNatural, name, IntValue(d));
    }
  }
}

}  // namespace graphkiln::compiler
