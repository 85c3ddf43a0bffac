// A canvas program in memory: regions of a space-time canvas, which of them attend to which, and
// what is to happen to each when it is compiled. Read by ReadProgram, written by ProgramJson.
// Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/text_reader.h"

namespace graphkiln::formats::canvas {

/// Keys that have no meaning here; they are kept, so that writing loses nothing.
using Extra = std::vector<TextEntry>;
/// Whatever stands there, kept as it is: null is absent.
using Raw = std::optional<TextNode>;

struct Layout {
  int64_t t = 1;
  std::vector<int64_t> spatial_shape;
  int64_t d_model = 1;
  int64_t t_current = 0;
  Extra extra;
};

struct RegionSpec {
  std::vector<int64_t> bounds;  // t0, t1, then low and high of each spatial dimension
  int64_t period = 1;
  bool is_output = true;
  double loss_weight = 1.0;
  std::optional<std::string> semantic_type;
  Raw semantic_embedding;
  std::string embedding_model = "openai/text-embedding-3-small";
  std::string default_attn = "cross_attention";
  std::string carrier = "deterministic";
  Extra extra;
};

/// `src` is written and asks; `dst` is read.
struct Connection {
  std::string src, dst;
  double weight = 1.0;
  std::optional<int64_t> t_src, t_dst;
  std::optional<std::string> fn;
  std::string op = "attend";
  std::string write_mode = "add";
  std::string temporal_fill = "HOLD";
  int64_t interpolation_order = 1;
  Raw mask;
  Extra extra;
};

struct ClockSpec {
  std::string domain = "external";
  std::string mode = "periodic";
  int64_t period = 1;
  std::optional<std::string> event_source;
  double event_threshold = 0.0;
  int64_t cooldown = 0;
  std::optional<int64_t> max_silence, max_inner_steps;
  Raw expr;
  Extra extra;
};

struct LearningSpec {
  std::string mode = "supervised";
  std::vector<std::string> losses;
  std::string compile_mode = "runtime";
  Extra extra;
};

struct ConstraintSpec {
  Raw equivariance, conservation, causal_direction, monotonicity;
  Extra extra;
};

struct IdentitySpec {
  std::string mode = "persistent";
  int64_t slot_capacity = 64;
  std::string binding_fn = "cross_attention";
  bool birth_death = false;
  Extra extra;
};

/// Presence counts: an empty object is set, with all defaults.
struct RegionProgram {
  std::string family = "state";
  std::vector<std::string> tags;
  std::string carrier = "deterministic";
  std::optional<ClockSpec> clock;
  std::optional<LearningSpec> learning;
  std::string compile_mode = "runtime";
  std::optional<ConstraintSpec> constraints;
  std::optional<IdentitySpec> identity;
  Extra extra;
};

struct MaskSpec {
  std::string kind = "full";
  std::optional<int64_t> tile_h, tile_w;
  Raw tile_shape;
  Extra extra;
};

struct ConnectionProgram {
  std::string op = "attend";
  std::optional<std::string> trigger;
  std::string write_mode = "add";
  std::optional<MaskSpec> mask_spec;
  Extra extra;
};

struct Program {
  Layout layout;
  std::vector<std::pair<std::string, RegionSpec>> regions;
  std::optional<std::vector<Connection>> topology;
  Raw metadata;
  std::vector<std::pair<std::string, RegionProgram>> region_programs;
  /// By `src|dst`.
  std::vector<std::pair<std::string, ConnectionProgram>> connection_programs;
  Extra extra;
};

}  // namespace graphkiln::formats::canvas
