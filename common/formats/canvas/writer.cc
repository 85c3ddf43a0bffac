#include "common/formats/canvas/writer.h"

#include <string>
#include <string_view>
#include <utility>

#include "common/formats/canvas/schema.h"
#include "common/formats/raw.h"

namespace graphkiln::formats::canvas {
namespace {

template <class T>
Json ValueJson(const T& value) {
  return value;
}
template <class T>
Json ValueJson(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json ValueJson(const Raw& value) { return value ? RawJson(*value) : Json(nullptr); }

template <class T>
bool IsDefault(const T& value, const T& fresh) {
  return value == fresh;
}
bool IsDefault(const Raw& value, const Raw&) { return !value; }

// A visitor of descriptions.
template <class S>
class ObjectWriter {
 public:
  explicit ObjectWriter(const S& object) : object_(object) {}

  template <class T>
  void Field(std::string_view name, T S::* member, const Limits& = {}) {
    if (!IsDefault(object_.*member, fresh_.*member)) Append(out_, name, ValueJson(object_.*member));
  }
  template <class T>
  void Object(std::string_view name, std::optional<T> S::* member) {
    if (object_.*member) Append(out_, name, ObjectWriter<T>(*(object_.*member)).Run());
  }
  Json Run() {
    Describe(*this, static_cast<const S*>(nullptr));
    for (const TextEntry& entry : object_.extra) Append(out_, entry.key, RawJson(entry.value));
    return std::move(out_);
  }

 private:
  const S& object_;
  const S fresh_;
  Json out_ = Json::object();
};

template <class S>
Json ObjectJson(const S& object) {
  return ObjectWriter<S>(object).Run();
}

}  // namespace

nlohmann::ordered_json ProgramJson(const Program& program) {
  Json out = {{"schema_version", "0.2.0"}};
  const Layout& layout = program.layout;
  out["layout"] = {{"T", layout.t},
                   {"spatial_shape", layout.spatial_shape},
                   {"d_model", layout.d_model},
                   {"t_current", layout.t_current}};
  for (const TextEntry& entry : layout.extra)
    Append(out["layout"], entry.key, RawJson(entry.value));
  Json regions = Json::object();
  for (const auto& [name, region] : program.regions) Append(regions, name, ObjectJson(region));
  out["regions"] = std::move(regions);
  if (program.topology) {
    Json topology = Json::array();
    for (const Connection& connection : *program.topology)
      topology.push_back(ObjectJson(connection));
    out["topology"] = std::move(topology);
  }
  if (program.metadata) out["metadata"] = RawJson(*program.metadata);
  out["program_version"] = "2.0.0";
  Json programs = Json::object();
  for (const auto& [name, region] : program.region_programs) {
    Json json = ObjectJson(region);
    if (!json.empty()) Append(programs, name, std::move(json));
  }
  if (!programs.empty()) out["region_programs"] = std::move(programs);
  Json connections = Json::object();
  for (const auto& [name, connection] : program.connection_programs) {
    Json json = ObjectJson(connection);
    if (!json.empty()) Append(connections, name, std::move(json));
  }
  if (!connections.empty()) out["connection_programs"] = std::move(connections);
  for (const TextEntry& entry : program.extra) Append(out, entry.key, RawJson(entry.value));
  return out;
}

}  // namespace graphkiln::formats::canvas
