#include "common/formats/canvas/reader.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/canvas/expressions.h"
#include "common/formats/canvas/mode.h"
#include "common/formats/canvas/object_reader.h"
#include "common/graph/limits.h"
#include "fmt/format.h"

namespace graphkiln::formats::canvas {
namespace {

constexpr size_t kMostConnections = 1'000'000;
constexpr size_t kMostSpatial = 8;
constexpr double kLargestSize = 1e9;

class Reader {
 public:
  Reader(std::string_view file, std::vector<v1::Diagnostic>* diagnostics)
      : report_(file, nullptr, diagnostics) {}

  Program Run(const TextNode& root) {
    const Place top{report_, "", ""};
    if (!root.IsMap()) {
      top.Error("SYNTAX", root, "a canvas program is an object").set_expected("a map");
      return std::move(program_);
    }
    Version(root, "schema_version", {"0.1", "0.2"});
    Version(root, "program_version", {"1", "2"});
    if (const TextNode* layout = Needed(root, "layout", top)) ReadLayout(*layout);
    if (const TextNode* regions = Needed(root, "regions", top))
      Regions(*regions, top.At("regions"));
    if (const TextNode* topology = root.Find("topology"); topology && !topology->IsNull())
      Topology(*topology, top.At("topology"));
    if (const TextNode* metadata = root.Find("metadata"); metadata && !metadata->IsNull())
      program_.metadata = *metadata;
    if (const TextNode* programs = root.Find("region_programs"); programs && !programs->IsNull())
      RegionPrograms(*programs, top.At("region_programs"));
    if (const TextNode* programs = root.Find("connection_programs");
        programs && !programs->IsNull())
      ConnectionPrograms(*programs, top.At("connection_programs"));
    KeepUnknown(root,
                {"schema_version", "layout", "regions", "topology", "metadata", "program_version",
                 "region_programs", "connection_programs"},
                top, &program_.extra);
    return std::move(program_);
  }

 private:
  // Versions are read by their first parts: 0.2.7 is 0.2.
  void Version(const TextNode& root, std::string_view key,
               std::initializer_list<std::string_view> known) {
    const TextNode* node = root.Find(key);
    if (node == nullptr || node->IsNull()) return;
    const Place place{report_, std::string(key), ""};
    std::string text;
    ReadValue(*node, {}, place, &text);
    const auto fits = [&](std::string_view version) {
      return text == version || text.starts_with(std::string(version) + ".");
    };
    if (!node->IsString() || std::any_of(known.begin(), known.end(), fits)) return;
    place.Error("BAD_VERSION", *node, "this version of the format is not known")
        .set_expected(fmt::format("{}.x", *(known.end() - 1)));
  }

  const TextNode* Needed(const TextNode& in, std::string_view key, const Place& place) {
    const TextNode* node = in.Find(key);
    if (node == nullptr) {
      place.At(key)
          .Error("MISSING_KEY", in, fmt::format("the key {} is missing", key))
          .set_expected(std::string(key));
    } else if (!node->IsMap()) {
      place.At(key).Error("PARAM_TYPE", *node, "an object is expected").set_expected("a map");
      return nullptr;
    }
    return node;
  }

  void ReadLayout(const TextNode& node) {
    const Place place{report_, "layout", ""};
    Layout& layout = program_.layout;
    const Limits size = {.low = 1, .high = kLargestSize};
    const auto number = [&](std::string_view key, const Limits& limits, int64_t* out) {
      const TextNode* value = node.Find(key);
      if (value != nullptr) ReadValue(*value, limits, place.At(key), out);
      return value != nullptr;
    };
    for (const auto& [key, out] :
         {std::pair<std::string_view, int64_t*>{"T", &layout.t}, {"d_model", &layout.d_model}}) {
      if (!number(key, size, out))
        place.At(key).Error("MISSING_KEY", node, fmt::format("the key {} is missing", key));
    }
    number("t_current", {.low = 0, .high = static_cast<double>(layout.t)}, &layout.t_current);
    const TextNode* shape = node.Find("spatial_shape");
    const bool old = node.Find("H") != nullptr || node.Find("W") != nullptr;
    if (shape != nullptr) ReadValue(*shape, size, place.At("spatial_shape"), &layout.spatial_shape);
    if (shape != nullptr && old) {
      place.Error("PARAM_RANGE", node, "H and W are the older form of spatial_shape")
          .set_expected("spatial_shape alone");
    } else if (old) {
      for (const std::string_view key : {"H", "W"}) {
        layout.spatial_shape.push_back(1);
        if (!number(key, size, &layout.spatial_shape.back()))
          place.At(key).Error("MISSING_KEY", node, fmt::format("the key {} is missing", key));
      }
    }
    Bounds(node, place);
    KeepUnknown(node, {"T", "d_model", "t_current", "spatial_shape", "H", "W"}, place,
                &layout.extra);
  }

  // The canvas must be countable: positions times the width of each.
  void Bounds(const TextNode& node, const Place& place) {
    const Layout& layout = program_.layout;
    if (layout.spatial_shape.size() > kMostSpatial) {
      place.At("spatial_shape")
          .Error("LIMIT", node, fmt::format("at most {} spatial dimensions", kMostSpatial));
      return;
    }
    int64_t elements = layout.t;
    for (const int64_t extent : layout.spatial_shape) {
      if (__builtin_mul_overflow(elements, extent, &elements)) elements = 0;
      if (elements == 0) break;
    }
    if (elements == 0 || __builtin_mul_overflow(elements, layout.d_model, &elements))
      place.Error("SIZE_OVERFLOW", node, "the canvas has more elements than can be counted");
  }

  void Regions(const TextNode& node, const Place& place) {
    if (node.entries.size() > graph::kMostNodes) {
      place.Error("LIMIT", node, fmt::format("a canvas has at most {} regions", graph::kMostNodes));
      return;
    }
    program_.regions.reserve(node.entries.size());
    for (const TextEntry& entry : node.entries) {
      names_.emplace(entry.key, program_.regions.size());
      RegionSpec& region = program_.regions.emplace_back(entry.key, RegionSpec()).second;
      const Place at{report_, place.path + "." + entry.key, entry.key};
      if (entry.value.IsList()) {  // bounds alone
        ReadValue(entry.value, AtLeast(0), at, &region.bounds);
      } else {
        ReadObject(entry.value, at, &region);
      }
      const TextNode* bounds = entry.value.IsList() ? &entry.value : entry.value.Find("bounds");
      if (bounds != nullptr) {
        CheckBounds(*bounds, region.bounds, at);
      } else if (entry.value.IsMap()) {
        at.Error("MISSING_KEY", entry.value, "a region has bounds").set_expected("bounds");
      }
    }
  }

  void CheckBounds(const TextNode& node, const std::vector<int64_t>& bounds, const Place& place) {
    const Layout& layout = program_.layout;
    const size_t wanted = 2 + 2 * layout.spatial_shape.size();
    if (!node.IsList()) return;
    if (bounds.size() != wanted) {
      v1::Diagnostic& diagnostic = place.At("bounds").Error(
          "SHAPE_MISMATCH", node, "bounds are a pair for time and one for each spatial dimension");
      diagnostic.set_expected(fmt::format("{} numbers", wanted));
      diagnostic.set_found(fmt::format("{} numbers", bounds.size()));
      return;
    }
    for (size_t i = 0; i < bounds.size(); i += 2) {
      const int64_t extent = i == 0 ? layout.t : layout.spatial_shape[i / 2 - 1];
      if (bounds[i] < bounds[i + 1] && bounds[i + 1] <= extent) continue;
      v1::Diagnostic& diagnostic =
          place.At("bounds").Error("PARAM_RANGE", node, "bounds lie inside the canvas");
      diagnostic.set_expected(fmt::format("low < high <= {}", extent));
      diagnostic.set_found(fmt::format("{}, {}", bounds[i], bounds[i + 1]));
    }
  }

  void Topology(const TextNode& node, const Place& place) {
    if (!node.IsList()) {
      place.Error("PARAM_TYPE", node, "a list of connections is expected").set_expected("a list");
      return;
    }
    if (node.items.size() > kMostConnections) {
      place.Error("LIMIT", node,
                  fmt::format("a canvas has at most {} connections", kMostConnections));
      return;
    }
    std::vector<Connection>& connections = program_.topology.emplace();
    connections.reserve(node.items.size());
    for (size_t i = 0; i < node.items.size(); ++i) {
      const TextNode& item = node.items[i];
      const Place at = place.At(fmt::format("{}", i));
      Connection& connection = connections.emplace_back();
      ReadObject(item, at, &connection);
      if (!item.IsMap()) continue;
      End(item, "src", connection.src, at);
      End(item, "dst", connection.dst, at);
      if (names_.contains(connection.src) && names_.contains(connection.dst))
        pairs_.insert(connection.src + "|" + connection.dst);
    }
  }

  void End(const TextNode& item, std::string_view key, const std::string& name,
           const Place& place) {
    const TextNode* node = item.Find(key);
    if (node == nullptr) {
      place.At(key)
          .Error("MISSING_KEY", item, fmt::format("a connection has the key {}", key))
          .set_expected(std::string(key));
    } else if (node->IsString() && !names_.contains(name)) {
      NoRegion(place.At(key).Error("UNKNOWN_REFERENCE", *node, ""), name);
    }
  }

  void NoRegion(v1::Diagnostic& diagnostic, const std::string& name) {
    diagnostic.set_message(fmt::format("there is no region {}", QuoteForMessage(name)));
    diagnostic.set_found(QuoteForMessage(name));
    if (program_.regions.size() > 1000) return;  // looking for near names is not worth the time
    std::vector<std::string> names;
    for (const auto& [known, spec] : program_.regions) names.push_back(known);
    if (const auto near = NearestName(name, names)) diagnostic.set_expected(*near);
  }

  void RegionPrograms(const TextNode& node, const Place& place) {
    if (!node.IsMap()) {
      place.Error("PARAM_TYPE", node, "an object is expected").set_expected("a map");
      return;
    }
    for (const TextEntry& entry : node.entries) {
      const Place at{report_, place.path + "." + entry.key, entry.key};
      if (!names_.contains(entry.key))
        NoRegion(at.Error("UNKNOWN_REFERENCE", entry.value, ""), entry.key);
      RegionProgram& program =
          program_.region_programs.emplace_back(entry.key, RegionProgram()).second;
      ReadObject(entry.value, at, &program);
      CheckModes(entry.value, program, at);
      const TextNode* clock = entry.value.Find("clock");
      if (program.clock && program.clock->expr)
        CheckClock(*program.clock->expr, at.At("clock").At("expr"));
      if (program.clock && program.clock->period < 1)
        at.At("clock").At("period").Warning("PARAM_RANGE", *clock->Find("period"),
                                            "periods below 1 count as 1");
    }
  }

  // A mode without a pass is refused where it would count; where another one wins it is told.
  void CheckModes(const TextNode& node, const RegionProgram& program, const Place& place) {
    const auto check = [&](const TextNode* in, const Place& at, const std::string& mode,
                           bool counts) {
      const TextNode* value = in != nullptr ? in->Find("compile_mode") : nullptr;
      if (value == nullptr || !value->IsString() || ParseMode(mode)) return;
      const Place where = at.At("compile_mode");
      const std::string message = fmt::format("region {}: {} is no compile mode",
                                              QuoteForMessage(place.region), QuoteForMessage(mode));
      v1::Diagnostic& diagnostic = counts ? where.Error("PARAM_RANGE", *value, message)
                                          : where.Warning("PARAM_RANGE", *value, message);
      diagnostic.set_param("compile_mode");
      diagnostic.set_expected("runtime, freeze, constant or export");
      diagnostic.set_found(mode.substr(0, 200));
    };
    check(&node, place, program.compile_mode, true);
    if (program.learning) {
      check(node.Find("learning"), place.At("learning"), program.learning->compile_mode,
            program.compile_mode == "runtime");
    }
  }

  void ConnectionPrograms(const TextNode& node, const Place& place) {
    if (!node.IsMap()) {
      place.Error("PARAM_TYPE", node, "an object is expected").set_expected("a map");
      return;
    }
    for (const TextEntry& entry : node.entries) {
      const Place at = place.At(entry.key);
      ConnectionProgram& program =
          program_.connection_programs.emplace_back(entry.key, ConnectionProgram()).second;
      ReadObject(entry.value, at, &program);
      if (entry.key.find('|') == std::string::npos) {
        at.Warning("UNKNOWN_REFERENCE", entry.value,
                   fmt::format("{} names no connection", QuoteForMessage(entry.key)))
            .set_expected("src|dst");
      } else if (!pairs_.contains(entry.key)) {
        at.Warning("UNKNOWN_REFERENCE", entry.value,
                   fmt::format("there is no connection {}", QuoteForMessage(entry.key)));
      }
      if (program.trigger && !IsTrigger(*program.trigger)) {
        at.At("trigger")
            .Warning("BAD_EXPRESSION", *entry.value.Find("trigger"),
                     "the trigger cannot be read, so it is never true")
            .set_expected("REGION.KIND < NUMBER && ...");
      }
      if (program.mask_spec && program.mask_spec->kind == "sparse") {
        at.At("mask_spec")
            .Warning("UNSUPPORTED", *entry.value.Find("mask_spec"),
                     "a sparse mask behaves as a full one");
      }
    }
  }

  graph::Reader report_;
  Program program_;
  StringMap<size_t> names_;  // of regions
  StringSet pairs_;          // `src|dst` of the topology
};

}  // namespace

std::optional<Program> ReadProgram(const TextNode& root, std::string_view file,
                                   std::vector<v1::Diagnostic>* diagnostics) {
  const size_t before = diagnostics->size();
  Program program = Reader(file, diagnostics).Run(root);
  for (size_t i = before; i < diagnostics->size(); ++i) {
    if ((*diagnostics)[i].severity() == v1::SEVERITY_ERROR) return std::nullopt;
  }
  return program;
}

}  // namespace graphkiln::formats::canvas
