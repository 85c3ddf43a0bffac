// Every key of the format once: name, member, legal values. The reader and the writer visit the
// same descriptions; defaults are those of a fresh struct.
//
// A visitor has `Field(name, member, Limits)` and `Object(name, member)`, the latter for an
// optional struct.
#pragma once

#include <initializer_list>
#include <limits>
#include <string_view>
#include <vector>

#include "common/formats/canvas/program.h"

namespace graphkiln::formats::canvas {

struct Limits {
  double low = -std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::max();
  std::vector<std::string_view> words = {};  // empty: any text
  bool open = false;  // users may register more words: others are only warned about
};

inline Limits AtLeast(double low) { return {.low = low}; }
inline Limits OneOf(std::initializer_list<std::string_view> words) { return {.words = words}; }

/// Aliases of the operator table upstream stand beside the names of its registry.
inline Limits AttentionFunction() {
  return {.words = {"cross_attention",
                    "linear_attention",
                    "cosine_attention",
                    "sigmoid_attention",
                    "gated",
                    "perceiver",
                    "pooling",
                    "copy",
                    "sparse_attention",
                    "local_attention",
                    "random_fixed",
                    "mixture",
                    "mamba",
                    "rwkv",
                    "hyena",
                    "none",
                    "self_attention",
                    "cogvideox",
                    "gated_attention",
                    "perceiver_attention",
                    "pooling_attention",
                    "copy_attention"},
          .open = true};
}
inline Limits Carrier() {
  return OneOf({"deterministic", "diffusive", "filter", "memory", "residual"});
}
inline Limits Operator() {
  return OneOf({"attend", "observe", "predict", "correct", "bind", "retrieve", "write", "act",
                "compress", "integrate", "intervene", "emit_residual"});
}
inline Limits WriteMode() { return OneOf({"add", "replace", "gate"}); }

template <class V>
void Describe(V& v, const RegionSpec*) {
  using S = RegionSpec;
  v.Field("bounds", &S::bounds, AtLeast(0));
  v.Field("period", &S::period, AtLeast(1));
  v.Field("is_output", &S::is_output);
  v.Field("loss_weight", &S::loss_weight);
  v.Field("semantic_type", &S::semantic_type);
  v.Field("semantic_embedding", &S::semantic_embedding);
  v.Field("embedding_model", &S::embedding_model);
  v.Field("default_attn", &S::default_attn, AttentionFunction());
  v.Field("carrier", &S::carrier, Carrier());
}

template <class V>
void Describe(V& v, const Connection*) {
  using S = Connection;
  v.Field("src", &S::src);
  v.Field("dst", &S::dst);
  v.Field("weight", &S::weight);
  v.Field("t_src", &S::t_src);
  v.Field("t_dst", &S::t_dst);
  v.Field("fn", &S::fn, AttentionFunction());
  v.Field("operator", &S::op, Operator());
  v.Field("write_mode", &S::write_mode, WriteMode());
  v.Field("temporal_fill", &S::temporal_fill,
          OneOf({"DROP", "HOLD", "INTERPOLATE", "drop", "hold", "interpolate"}));
  v.Field("interpolation_order", &S::interpolation_order, AtLeast(0));
  v.Field("mask", &S::mask);
}

template <class V>
void Describe(V& v, const ClockSpec*) {
  using S = ClockSpec;
  v.Field("domain", &S::domain);
  v.Field("mode", &S::mode, OneOf({"periodic", "on_event", "boundary"}));
  v.Field("period", &S::period);
  v.Field("event_source", &S::event_source);
  v.Field("event_threshold", &S::event_threshold);
  v.Field("cooldown", &S::cooldown, AtLeast(0));
  v.Field("max_silence", &S::max_silence, AtLeast(0));
  v.Field("max_inner_steps", &S::max_inner_steps, AtLeast(0));
  v.Field("expr", &S::expr);
}

template <class V>
void Describe(V& v, const LearningSpec*) {
  using S = LearningSpec;
  v.Field("mode", &S::mode,
          OneOf({"supervised", "ssl_prediction", "posterior_match", "retrieval", "calibration",
                 "none"}));
  v.Field("losses", &S::losses);
  v.Field("compile_mode", &S::compile_mode);
}

template <class V>
void Describe(V& v, const ConstraintSpec*) {
  using S = ConstraintSpec;
  v.Field("equivariance", &S::equivariance, OneOf({"translation", "rotation", "permutation"}));
  v.Field("conservation", &S::conservation, OneOf({"capacity", "energy"}));
  v.Field("causal_direction", &S::causal_direction, OneOf({"acyclic", "forward_only"}));
  v.Field("monotonicity", &S::monotonicity, OneOf({"non_decreasing", "non_increasing"}));
}

template <class V>
void Describe(V& v, const IdentitySpec*) {
  using S = IdentitySpec;
  v.Field("mode", &S::mode, OneOf({"persistent", "ephemeral", "tracklet"}));
  v.Field("slot_capacity", &S::slot_capacity, AtLeast(1));
  v.Field("binding_fn", &S::binding_fn, AttentionFunction());
  v.Field("birth_death", &S::birth_death);
}

template <class V>
void Describe(V& v, const RegionProgram*) {
  using S = RegionProgram;
  v.Field("family", &S::family);
  v.Field("tags", &S::tags);
  v.Field("carrier", &S::carrier, Carrier());
  v.Object("clock", &S::clock);
  v.Object("learning", &S::learning);
  v.Field("compile_mode", &S::compile_mode);
  v.Object("constraints", &S::constraints);
  v.Object("identity", &S::identity);
}

template <class V>
void Describe(V& v, const MaskSpec*) {
  using S = MaskSpec;
  v.Field("kind", &S::kind, OneOf({"full", "tile", "sparse"}));
  v.Field("tile_h", &S::tile_h, AtLeast(1));
  v.Field("tile_w", &S::tile_w, AtLeast(1));
  v.Field("tile_shape", &S::tile_shape);
}

template <class V>
void Describe(V& v, const ConnectionProgram*) {
  using S = ConnectionProgram;
  v.Field("operator", &S::op, Operator());
  v.Field("trigger", &S::trigger);
  v.Field("write_mode", &S::write_mode, WriteMode());
  v.Object("mask_spec", &S::mask_spec);
}

}  // namespace graphkiln::formats::canvas
