#include "common/compiler/fixes/proposals.h"

#include "common/base/strings.h"
#include "common/nodes/param_spec.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::compiler {
namespace {

// A finding never needs more, and a wide node (a merge of 10,000 values) must not cost more.
constexpr size_t kMost = 64;

}  // namespace

v1::Value IntValue(int64_t value) {
  v1::Value out;
  out.set_int_value(value);
  return out;
}

v1::Value IntsValue(const std::vector<int64_t>& values) {
  v1::Value out;
  out.mutable_list_value();
  for (const int64_t value : values) out.mutable_list_value()->add_values()->set_int_value(value);
  return out;
}

std::string ReferenceText(const v1::Reference& reference) {
  return reference.port().empty() ? reference.node() : reference.node() + "." + reference.port();
}

v1::Fix& Proposals::Add(FixRank rank, std::string description) {
  if (list_.size() >= kMost) {
    dropped_.Clear();
    return dropped_;
  }
  Proposal& proposal = list_.emplace_back();
  proposal.rank = rank;
  proposal.fix.set_description(std::move(description));
  return proposal.fix;
}

void Proposals::SetParam(FixRank rank, const std::string& node, std::string_view param,
                         const v1::Value& value) {
  const bool here = site_.node != nullptr && node == site_.node->id();
  v1::Fix& fix = Add(rank, here ? fmt::format("set {} to {}", param, nodes::ValueText(value))
                                : fmt::format("set {} of {} to {}", param, QuoteForMessage(node),
                                              nodes::ValueText(value)));
  v1::SetParam& edit = *fix.add_edits()->mutable_set_param();
  edit.set_node(node);
  edit.set_param(std::string(param));
  *edit.mutable_value() = value;
}

void Proposals::UnsetParam(FixRank rank, std::string_view param) {
  v1::Fix& fix = Add(rank, fmt::format("remove {}", QuoteForMessage(param)));
  v1::UnsetParam& edit = *fix.add_edits()->mutable_unset_param();
  edit.set_node(site_.node->id());
  edit.set_param(std::string(param));
}

void Proposals::Connect(FixRank rank, std::string_view port, const v1::Reference& source) {
  v1::Fix& fix =
      Add(rank, fmt::format("connect {} to {}", QuoteForMessage(ReferenceText(source)), port));
  v1::Connect& edit = *fix.add_edits()->mutable_connect();
  const auto [name, position] = SplitPort(port);
  *edit.mutable_source() = source;
  edit.set_node(site_.node->id());
  edit.set_port(name);
  if (position >= 0) edit.set_position(position);
}

void Proposals::Insert(FixRank rank, const SiteInput& input, const std::vector<Layer>& layers) {
  if (!input.source) return;
  std::vector<std::string> texts;
  for (const Layer& layer : layers) {
    std::string params;
    for (const auto& [name, value] : layer.params)
      params += fmt::format("{}{}={}", params.empty() ? "" : ", ", name, nodes::ValueText(value));
    texts.push_back(fmt::format("{}({})", layer.type, params));
  }
  v1::Fix& fix =
      Add(rank, fmt::format("insert {} before {}", fmt::join(texts, " and "), input.PortText()));
  v1::Reference source = *input.source;
  for (const Layer& layer : layers) {
    v1::Node& node = *fix.add_edits()->mutable_add_node()->mutable_node();
    // Two layers of one fix never have one type.
    node.set_id(site_.view.FreshId(
        fmt::format("{}_{}", site_.node->id().substr(0, 900), ToLowerAscii(layer.type))));
    node.set_type(layer.type);
    *node.add_inputs()->mutable_value()->mutable_reference() = source;
    for (const auto& [name, value] : layer.params) (*node.mutable_params())[name] = value;
    source.set_node(node.id());
    source.clear_port();
  }
  v1::Connect& edit = *fix.add_edits()->mutable_connect();
  *edit.mutable_source() = source;
  edit.set_node(site_.node->id());
  edit.set_port(input.port.name);
  if (input.position >= 0) edit.set_position(input.position);
}

}  // namespace graphkiln::compiler
