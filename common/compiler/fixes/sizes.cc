// Fixes of numbers that must agree with a size: what arrives, what the node before gives, what is
// divided into groups.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "common/compiler/fixes/generators.h"

namespace graphkiln::compiler {
namespace {

constexpr int kFarthest = 12;  // nodes upstream
constexpr int64_t kLargest = int64_t{1} << 30;

// Parameters that are a size of the node's result.
constexpr std::string_view kOutSizes[] = {"out_features", "out_channels", "embedding_dim",
                                          "hidden_size",  "planes",       "proj_size",
                                          "feature_dim"};
constexpr std::string_view kDivisors[] = {"groups", "num_groups",     "num_heads",
                                          "nhead",  "upscale_factor", "downscale_factor",
                                          "chunks", "reduction"};

std::optional<int64_t> DimOf(const std::optional<ir::TensorType>& type, int dim) {
  if (!type || dim >= type->rank() || -dim > type->rank()) return std::nullopt;
  const ir::Dim& size = type->dim(dim);
  return size.IsConst() ? std::optional<int64_t>(size.value()) : std::nullopt;
}

const SiteInput* InputAt(const Site& site, std::string_view port) {
  for (const SiteInput& input : site.inputs) {
    if (input.port.name == port) return &input;
  }
  return nullptr;
}

// Sets the nearest size-giving parameter above `input` to `wanted`.
void SetAbove(const Site& site, const SiteInput& input, int64_t wanted, Proposals& out) {
  if (!input.source || wanted < 1) return;
  int node = site.view.FindNode(input.source->node());
  for (int step = 0; node >= 0 && step < kFarthest; ++step) {
    const v1::Node& above = site.view.node(node);
    for (const std::string_view name : kOutSizes) {
      const auto it = above.params().find(std::string(name));
      if (it == above.params().end()) continue;
      out.SetParam(kPossible, above.id(), name, IntValue(wanted));
      // Two directions give twice the size.
      const auto both = above.params().find("bidirectional");
      if (both != above.params().end() && both->second.bool_value() && wanted % 2 == 0)
        out.SetParam(kPossible, above.id(), name, IntValue(wanted / 2));
      return;
    }
    if (above.inputs_size() != 1 || !above.inputs(0).value().has_reference()) return;
    node = site.view.FindNode(above.inputs(0).value().reference().node());
  }
}

// Larger numbers are no sizes; they are cut, so that sums and products of a few stay small.
std::vector<int64_t> Ints(const v1::Value& value) {
  std::vector<int64_t> out;
  for (const v1::Value& item : value.list_value().values())
    out.push_back(std::clamp<int64_t>(item.int_value(), -kLargest, kLargest));
  return out;
}

// a * b, or the largest size where that is less.
int64_t Times(int64_t a, int64_t b) { return b != 0 && a > kLargest / b ? kLargest : a * b; }

}  // namespace

void FixInferredSizes(const Site& site, Proposals& out) {
  for (const nodes::ParamSpec& spec : site.params) {
    if (!spec.inferred || !site.node->params().contains(spec.name)) continue;
    const SiteInput* input = InputAt(site, spec.inferred_port);
    if (input == nullptr || !input->type) continue;
    const v1::Value& given = site.node->params().at(spec.name);
    if (!given.has_list_value()) {
      if (const auto size = DimOf(input->type, spec.inferred_dim); size && *size > 0)
        out.SetParam(kNatural, spec.name, IntValue(*size));
      continue;
    }
    const int count = std::min(given.list_value().values_size(), input->type->rank());
    std::vector<int64_t> sizes;
    for (int d = -count; d < 0; ++d) {
      if (const auto size = DimOf(input->type, d)) sizes.push_back(*size);
    }
    if (!sizes.empty() && sizes.size() == static_cast<size_t>(count))
      out.SetParam(kNatural, spec.name, IntsValue(sizes));
    if (const auto last = DimOf(input->type, -1))
      out.SetParam(kPossible, spec.name, IntsValue({*last}));
  }
}

void FixUpstreamSizes(const Site& site, Proposals& out) {
  // A size that the node itself asks for.
  for (const nodes::ParamSpec& spec : site.params) {
    if (!spec.inferred) continue;
    const auto given = site.IntParam(spec.name);
    const SiteInput* input = InputAt(site, spec.inferred_port);
    if (given && input != nullptr) SetAbove(site, *input, *given, out);
  }
  // Sizes that two inputs must share.
  constexpr size_t kMostInputs = 8;
  for (size_t i = 0; i < std::min(site.inputs.size(), kMostInputs); ++i) {
    for (size_t j = 0; j < std::min(site.inputs.size(), kMostInputs); ++j) {
      const auto& mine = site.inputs[i].type;
      const auto& other = site.inputs[j].type;
      if (i == j || !mine || !other || mine->rank() != other->rank()) continue;
      for (int d = 1; d < mine->rank(); ++d) {
        const auto a = DimOf(mine, d);
        const auto b = DimOf(other, d);
        if (a && b && *a != *b) SetAbove(site, site.inputs[i], *b, out);
      }
    }
  }
}

void FixDivisors(const Site& site, Proposals& out) {
  std::set<int64_t> sizes;
  for (const SiteInput& input : site.inputs) {
    if (!input.type) continue;
    for (const ir::Dim& dim : input.type->shape) {
      if (dim.IsConst() && dim.value() > 0) sizes.insert(dim.value());
    }
  }
  for (const auto& [name, value] : site.node->params()) {
    if (value.kind_case() == v1::Value::kIntValue && value.int_value() > 0)
      sizes.insert(value.int_value());
  }
  for (const std::string_view name : kDivisors) {
    const auto it = site.node->params().find(std::string(name));
    if (it == site.node->params().end()) continue;
    const int64_t given = std::clamp<int64_t>(site.IntParam(name).value_or(1), -4096, 8192);
    const int64_t most = sizes.empty() ? 0 : std::min<int64_t>(*sizes.rbegin(), 4096);
    std::vector<int64_t> divisors;
    for (int64_t d = 1; d <= most; ++d) {
      if (d == given) continue;
      if (std::any_of(sizes.begin(), sizes.end(), [&](int64_t s) { return s % d == 0; }))
        divisors.push_back(d);
    }
    std::stable_sort(divisors.begin(), divisors.end(), [&](int64_t a, int64_t b) {
      return std::llabs(a - given) < std::llabs(b - given);
    });
    constexpr size_t kMostDivisors = 6;
    for (size_t i = 0; i < std::min(divisors.size(), kMostDivisors); ++i)
      out.SetParam(kNatural, name, IntValue(divisors[i]));
    out.SetParam(kPossible, name, IntValue(1));
  }
}

void FixSizeLists(const Site& site, Proposals& out) {
  if (site.inputs.empty() || !site.inputs[0].type) return;
  const ir::TensorType& type = *site.inputs[0].type;
  for (const char* name : {"dims", "dim"}) {
    const auto it = site.node->params().find(name);
    if (it == site.node->params().end() || !it->second.has_list_value()) continue;
    // Each dimension once: the first mention counts, the missing ones follow.
    std::vector<int64_t> dims;
    const auto add = [&](int64_t d) {
      if (d < 0) d += type.rank();
      if (d < 0 || d >= type.rank() || std::find(dims.begin(), dims.end(), d) != dims.end()) return;
      dims.push_back(d);
    };
    for (const int64_t d : Ints(it->second)) add(d);
    if (!dims.empty() && std::string_view(name) == "dim") {
      out.SetParam(kNatural, name, IntsValue(dims));
      continue;
    }
    // A double mention keeps the places of the others.
    std::vector<int64_t> patched = Ints(it->second);
    std::vector<bool> seen(static_cast<size_t>(type.rank()), false);
    std::vector<size_t> open;
    for (size_t i = 0; i < patched.size(); ++i) {
      const int64_t d = patched[i] < 0 ? patched[i] + type.rank() : patched[i];
      if (d < 0 || d >= type.rank() || seen[static_cast<size_t>(d)]) {
        open.push_back(i);
      } else {
        seen[static_cast<size_t>(d)] = true;
      }
    }
    size_t next = 0;
    for (const size_t i : open) {
      while (next < seen.size() && seen[next]) ++next;
      if (next < seen.size()) patched[i] = static_cast<int64_t>(next++);
    }
    if (patched.size() == static_cast<size_t>(type.rank()))
      out.SetParam(kNatural, name, IntsValue(patched));
    for (int d = 0; d < type.rank(); ++d) add(d);
    out.SetParam(kNatural, name, IntsValue(dims));
  }
  for (const char* name : {"shape", "unflattened_size", "size"}) {
    const auto it = site.node->params().find(name);
    if (it == site.node->params().end() || !it->second.has_list_value()) continue;
    const std::vector<int64_t> given = Ints(it->second);
    // The batch stays open, and one size is what remains of a row.
    int64_t row = 1;
    for (int d = 1; d < type.rank(); ++d) row = Times(row, DimOf(type, d).value_or(0));
    for (size_t i = given.size(); i-- > 1;) {
      int64_t rest = 1;
      for (size_t k = 1; k < given.size(); ++k)
        rest = Times(rest, k == i ? 1 : std::max<int64_t>(given[k], 1));
      if (row < 1 || row >= kLargest || row % rest != 0) continue;
      std::vector<int64_t> open = given;
      open[0] = -1;
      open[i] = row / rest;
      out.SetParam(kNatural, name, IntsValue(open));
    }
    // One size follows from all others.
    for (size_t i = given.size(); i-- > 0;) {
      std::vector<int64_t> open = given;
      for (int64_t& size : open) size = size == -1 ? 1 : size;
      open[i] = -1;
      if (open != given) out.SetParam(kPossible, name, IntsValue(open));
    }
    out.SetParam(kPossible, name, IntsValue({-1}));
  }
  // Sections of a split: the last one takes what is left.
  for (const char* name : {"split_size_or_sections", "split_sizes"}) {
    const auto it = site.node->params().find(name);
    if (it == site.node->params().end() || !it->second.has_list_value()) continue;
    std::vector<int64_t> sections = Ints(it->second);
    const int64_t dim =
        site.IntParam("dim").value_or(std::string_view(name) == "split_sizes" ? -1 : 1);
    const auto size = DimOf(type, static_cast<int>(std::clamp<int64_t>(dim, -64, 64)));
    if (!size || sections.empty() || sections.size() > 1000) continue;
    for (size_t i = sections.size(); i-- > 0;) {
      int64_t others = 0;
      for (size_t k = 0; k < sections.size(); ++k) others += k == i ? 0 : sections[k];
      if (*size - others < 1) continue;
      std::vector<int64_t> patched = sections;
      patched[i] = *size - others;
      out.SetParam(kNatural, name, IntsValue(patched));
    }
  }
}

}  // namespace graphkiln::compiler
