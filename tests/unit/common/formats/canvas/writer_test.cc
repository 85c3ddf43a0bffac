#include "common/formats/canvas/writer.h"

#include <gtest/gtest.h>

#include "common/formats/canvas/reader.h"
#include "common/formats/tell.h"
#include "nlohmann/json.hpp"

namespace graphkiln::formats::canvas {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Program> Read(const Json& json, std::vector<v1::Diagnostic>* diagnostics) {
  const auto root = ReadText(json.dump(), TextLimits(), nullptr);
  EXPECT_TRUE(root.ok());
  EXPECT_EQ(TellText(*root), "canvas");
  return ReadProgram(*root, "p.json", diagnostics);
}

Json WrittenAgain(const Json& json) {
  std::vector<v1::Diagnostic> diagnostics;
  const auto program = Read(json, &diagnostics);
  for (const v1::Diagnostic& d : diagnostics) ADD_FAILURE() << d.ShortDebugString();
  return program ? ProgramJson(*program) : Json();
}

// Every key once, none at its default.
Json Whole() {
  return Json::parse(R"({
    "schema_version": "0.2.0",
    "layout": {"T": 2, "spatial_shape": [3], "d_model": 4, "t_current": 1},
    "regions": {
      "a": {"bounds": [0, 2, 0, 3], "period": 2, "is_output": false, "loss_weight": 0.5,
            "semantic_type": "image", "semantic_embedding": [0.5, 1.0], "embedding_model": "m",
            "default_attn": "mamba", "carrier": "filter"},
      "b": {"bounds": [0, 1, 1, 2]}},
    "topology": [{"src": "a", "dst": "b", "weight": 0.25, "t_src": 0, "t_dst": -1, "fn": "copy",
                  "operator": "predict", "write_mode": "gate", "temporal_fill": "DROP",
                  "interpolation_order": 2, "mask": [[true]]}],
    "metadata": {"note": {"deep": [1, null, "x"]}},
    "program_version": "2.0.0",
    "region_programs": {
      "a": {"family": "planner", "tags": ["t"], "carrier": "memory",
            "clock": {"domain": "internal", "mode": "on_event", "period": 3, "event_source": "e",
                      "event_threshold": 0.5, "cooldown": 1, "max_silence": 2, "max_inner_steps": 3,
                      "expr": {"type": "not", "child": {"type": "on_event", "source": "s", "lt": 1}}},
            "learning": {"mode": "retrieval", "losses": ["l"], "compile_mode": "export"},
            "compile_mode": "constant",
            "constraints": {"equivariance": "rotation", "conservation": "energy",
                            "causal_direction": "acyclic", "monotonicity": "non_decreasing"},
            "identity": {"mode": "tracklet", "slot_capacity": 2, "binding_fn": "gated",
                         "birth_death": true}},
      "b": {"clock": {}, "learning": {}, "constraints": {}, "identity": {}}},
    "connection_programs": {
      "a|b": {"operator": "write", "trigger": "a.surprise > 0.5 && b.x<=1", "write_mode": "replace",
              "mask_spec": {"kind": "tile", "tile_h": 1, "tile_w": 2, "tile_shape": [1, 2]}}}
  })");
}

TEST(CanvasWriter, NothingIsLost) { EXPECT_EQ(WrittenAgain(Whole()).dump(1), Whole().dump(1)); }

TEST(CanvasWriter, UnknownKeysAreKeptAndTold) {
  Json json = Whole();
  json["colour"] = "red";
  json["layout"]["origin"] = {1, 2};
  json["regions"]["b"]["tag"] = nullptr;
  json["region_programs"]["a"]["clock"]["phase"] = 0.5;
  std::vector<v1::Diagnostic> diagnostics;
  const auto program = Read(json, &diagnostics);
  ASSERT_TRUE(program);
  EXPECT_EQ(ProgramJson(*program).dump(1), json.dump(1));
  std::string paths;
  for (const v1::Diagnostic& d : diagnostics) paths += d.path() + " ";
  EXPECT_EQ(paths, "layout.origin regions.b.tag region_programs.a.clock.phase colour ");
}

TEST(CanvasWriter, DefaultsAreLeftOut) {
  const Json out = WrittenAgain(Json::parse(R"({
    "layout": {"T": 1, "H": 2, "W": 3, "d_model": 4},
    "regions": {"a": {"bounds": [0, 1, 0, 2, 0, 3], "period": 1, "carrier": "deterministic"}},
    "topology": [],
    "region_programs": {"a": {"family": "state", "tags": [], "compile_mode": "runtime"}}
  })"));
  EXPECT_EQ(out.dump(), Json::parse(R"({"schema_version": "0.2.0",
    "layout": {"T": 1, "spatial_shape": [2, 3], "d_model": 4, "t_current": 0},
    "regions": {"a": {"bounds": [0, 1, 0, 2, 0, 3]}}, "topology": [],
    "program_version": "2.0.0"})")
                            .dump());
}

TEST(CanvasReader, HostileTextsEndInDiagnostics) {
  const std::string base = Whole().dump();
  // Every place of the text broken in some way: an answer each time, and never a program with
  // errors.
  for (size_t i = 0; i < base.size(); i += 3) {
    for (const char* with : {"0", "null", "\"x\"", "[]", "{}", "-1"}) {
      std::string text = base;
      text.replace(i, 1, with);
      const auto root = ReadText(text, TextLimits(), nullptr);
      if (!root.ok()) continue;
      std::vector<v1::Diagnostic> diagnostics;
      const auto program = ReadProgram(*root, "p.json", &diagnostics);
      bool errors = false;
      for (const v1::Diagnostic& d : diagnostics) {
        errors = errors || d.severity() == v1::SEVERITY_ERROR;
        EXPECT_GT(d.line(), 0) << d.ShortDebugString();
      }
      EXPECT_EQ(program.has_value(), !errors) << text;
    }
  }
}

}  // namespace
}  // namespace graphkiln::formats::canvas
