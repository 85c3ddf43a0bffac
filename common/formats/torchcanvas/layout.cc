#include "common/formats/torchcanvas/layout.h"

#include <string>

#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::formats::torchcanvas {
namespace {

// Each node's first inputs are followed down to one that tells, which then holds for all on the
// way: every edge is walked once.
std::vector<Layout> LayoutsOf(const std::vector<Entry>& entries) {
  std::vector<Layout> layouts(entries.size(), Layout::kAsInput);
  std::vector<bool> done(entries.size(), false);
  std::vector<size_t> way;
  for (size_t start = 0; start < entries.size(); ++start) {
    way.clear();
    size_t at = start;
    Layout found = Layout::kOther;  // also of what hangs on itself
    while (true) {
      if (done[at]) {
        if (layouts[at] != Layout::kAsInput) found = layouts[at];
        break;
      }
      done[at] = true;
      way.push_back(at);
      const Entry& entry = entries[at];
      const Layout own = entry.row == nullptr ? Layout::kOther : entry.row->layout;
      if (own != Layout::kAsInput) {
        found = own;
        break;
      }
      if (entry.in.empty()) break;
      at = static_cast<size_t>(entry.in[0].from);
    }
    for (const size_t i : way) layouts[i] = found;
  }
  return layouts;
}

}  // namespace

void CheckLayouts(Entries& entries, graph::Reader& report) {
  const std::vector<Layout> layouts = LayoutsOf(entries.all());
  for (const Entry& entry : entries.all()) {
    if (entry.row == nullptr || !entry.row->reads_time_first || entry.in.empty()) continue;
    const Source& source = entry.in[0];
    if (layouts[static_cast<size_t>(source.from)] != Layout::kChannelsFirst) continue;
    const std::string& from = entries.at(source.from).id;
    v1::Diagnostic& diagnostic =
        report.Warning("TC_LAYOUT", source.pos, source.path,
                       fmt::format("{} gives [B, C, T], {} reads [B, T, H]", QuoteForMessage(from),
                                   QuoteForMessage(entry.id)));
    diagnostic.set_node(entry.id);
    diagnostic.set_expected("[B, T, H]: a Permute_BCT_to_BTH between them");
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description("insert Permute_BCT_to_BTH");
    const std::string id = entries.FreeId(entry.id + "_permute");
    v1::Node* permute = fix->add_edits()->mutable_add_node()->mutable_node();
    permute->set_id(id);
    permute->set_type("Permute_BCT_to_BTH");
    permute->add_inputs()->mutable_value()->mutable_reference()->set_node(from);
    v1::Connect* connect = fix->add_edits()->mutable_connect();
    connect->mutable_source()->set_node(id);
    connect->set_node(entry.id);
    connect->set_port("input");
  }
}

}  // namespace graphkiln::formats::torchcanvas
