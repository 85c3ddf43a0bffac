// Attention: the function, and the module with its projections.
#include <array>
#include <cmath>
#include <limits>

#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

using Dims = ir::Shape;

// Xavier's bound, as torch.nn.init.xavier_uniform_.
ir::Initializer XavierUniform(int64_t fan_in, int64_t fan_out) {
  return ir::Initializer::Uniform(std::sqrt(6.0 / static_cast<double>(fan_in + fan_out)));
}

// One MultiheadAttention under construction. Inside, sequences are [B, length, E], and heads are
// [B, heads, length, E / heads].
class Multihead {
 public:
  explicit Multihead(Body& b)
      : b_(b), embed_(b.Int("embed_dim")), heads_(b.Int("num_heads")), head_(embed_ / heads_) {}

  void Run() {
    if (!Check()) return;
    Project();
    Extend();
    const ir::Argument mask = Mask();
    const bool weights = b_.Flag("need_weights");
    const ir::Argument mixed = weights ? Explicit(mask) : Fused(mask);
    if (!b_.ok()) return;
    const bool first = b_.Flag("batch_first");
    ir::Argument out = b_.Call("aten.permute.default",
                               {mixed, first || !batched_ ? std::vector<int64_t>{0, 2, 1, 3}
                                                          : std::vector<int64_t>{2, 0, 1, 3}});
    out = b_.Call("aten.reshape.default", {out, b_.TypeOf(b_.In("query")).shape});
    const auto bias = b_.Flag("bias")
                          ? b_.Weight("out_proj.bias", {embed_}, ir::Initializer::Constant(0))
                          : ir::Argument();
    const auto weight = b_.Weight("out_proj.weight", {embed_, embed_}, KaimingUniform(embed_));
    b_.Return("attn_output", b_.Call("aten.linear.default", {out, weight, bias}));
  }

 private:
  bool Refuse(std::string_view code, std::string_view rule, std::string_view port,
              std::string message, std::string expected, std::string found) {
    Failure failure;
    failure.code = code;
    failure.rule = rule;
    (b_.HasIn(port) ? failure.port : failure.param) = port;
    failure.message = std::move(message);
    failure.expected = std::move(expected);
    failure.found = std::move(found);
    b_.Fail(std::move(failure));
    return false;
  }

  bool Check() {
    const ir::TensorType query = b_.TypeOf(b_.In("query"));
    batched_ = query.rank() == 3;
    const bool first = b_.Flag("batch_first");
    if (query.rank() != 2 && query.rank() != 3) {
      return Refuse(
          "RANK_MISMATCH", "MULTIHEAD_C1", "query", "query must be a sequence",
          first ? "[B, L, embed_dim] or [L, embed_dim]" : "[L, B, embed_dim] or [L, embed_dim]",
          ir::TypeText(query));
    }
    if (embed_ % heads_ != 0) {
      return Refuse("PARAM_RANGE", "MULTIHEAD_C2", "num_heads",
                    "embed_dim must be a multiple of num_heads",
                    fmt::format("a divisor of {}", embed_), fmt::format("{}", heads_));
    }
    batch_ = batched_ ? query.dim(first ? 0 : 1) : ir::Dim(1);
    length_ = query.dim(batched_ && !first ? 0 : -2);
    for (const char* port : {"key", "value"}) {
      const ir::TensorType type = b_.TypeOf(b_.In(port));
      if (type.rank() != query.rank()) {
        return Refuse("RANK_MISMATCH", "MULTIHEAD_C3", port,
                      "query, key and value must have one rank",
                      fmt::format("rank {}", query.rank()), ir::TypeText(type));
      }
      if (batched_ && type.dim(first ? 0 : 1) != batch_) {
        return Refuse("SHAPE_MISMATCH", "MULTIHEAD_C3", port,
                      "query, key and value must have one batch",
                      ir::TypeText(type.WithDim(first ? 0 : 1, batch_)), ir::TypeText(type));
      }
    }
    source_ = b_.TypeOf(b_.In("key")).dim(batched_ && !first ? 0 : -2);
    dtype_ = query.dtype;
    if (b_.Flag("is_causal") && !b_.HasIn("attn_mask")) {
      return Refuse("MISSING_INPUT", "MULTIHEAD_C4", "is_causal",
                    "is_causal says what attn_mask is, it does not make one", "attn_mask", "none");
    }
    return true;
  }

  // [B, length, n] or [length, B, n] becomes [B, heads, length, n / heads].
  ir::Argument Heads(const ir::Argument& x, const ir::Dim& length) {
    const bool first = b_.Flag("batch_first") || !batched_;
    const ir::Argument split = b_.Call(
        "aten.reshape.default",
        {x, first ? Dims{batch_, length, heads_, head_} : Dims{length, batch_, heads_, head_}});
    return b_.Call("aten.permute.default", {split, first ? std::vector<int64_t>{0, 2, 1, 3}
                                                         : std::vector<int64_t>{1, 2, 0, 3}});
  }

  // One of the three projections' weights, out of a common one.
  ir::Argument Third(const ir::Argument& all, int i, Dims shape) {
    shape.insert(shape.begin(), ir::Dim(3));
    return all.IsNone()
               ? all
               : b_.Call("aten.select.int", {b_.Call("aten.reshape.default", {all, shape}), 0, i});
  }

  void Project() {
    const int64_t kdim = b_.IsNull("kdim") ? embed_ : b_.Int("kdim");
    const int64_t vdim = b_.IsNull("vdim") ? embed_ : b_.Int("vdim");
    const std::array<const char*, 3> ports = {"query", "key", "value"};
    const std::array<ir::Dim, 3> lengths = {length_, source_, source_};
    const bool common = kdim == embed_ && vdim == embed_;
    std::array<ir::Argument, 3> weights;
    ir::Argument in_proj;
    if (common) {
      in_proj =
          b_.Weight("in_proj_weight", {3 * embed_, embed_}, XavierUniform(embed_, 3 * embed_));
    } else {
      weights = {b_.Weight("q_proj_weight", {embed_, embed_}, XavierUniform(embed_, embed_)),
                 b_.Weight("k_proj_weight", {embed_, kdim}, XavierUniform(kdim, embed_)),
                 b_.Weight("v_proj_weight", {embed_, vdim}, XavierUniform(vdim, embed_))};
    }
    const auto bias = b_.Flag("bias")
                          ? b_.Weight("in_proj_bias", {3 * embed_}, ir::Initializer::Constant(0))
                          : ir::Argument();
    const auto id = [&](int i) { return *b_.In(ports[static_cast<size_t>(i)]).As<ir::ValueId>(); };
    if (common && id(0) == id(1) && id(1) == id(2)) {
      // Self-attention: one product for all three.
      ir::Argument all = b_.Call("aten.linear.default", {b_.In("query"), in_proj, bias});
      if (!b_.ok()) return;
      Dims shape = b_.TypeOf(b_.In("query")).shape;
      shape.insert(shape.end() - 1, ir::Dim(3));
      all = b_.Call("aten.reshape.default", {all, shape});
      for (int i = 0; i < 3; ++i)
        qkv_[static_cast<size_t>(i)] = Heads(b_.Call("aten.select.int", {all, -2, i}), length_);
      return;
    }
    for (int i = 0; i < 3; ++i) {
      const auto at = static_cast<size_t>(i);
      const ir::Argument weight = common ? Third(in_proj, i, {embed_, embed_}) : weights[at];
      const ir::Argument x =
          b_.Call("aten.linear.default", {b_.In(ports[at]), weight, Third(bias, i, {embed_})});
      qkv_[at] = Heads(x, lengths[at]);
    }
  }

  ir::Argument Zeros(const Dims& shape) {
    return b_.Call("aten.zeros.default", {shape, dtype_, ir::Argument(), ir::DeviceArg{}});
  }

  // Learned and zero keys and values behind the given ones.
  void Extend() {
    if (b_.Flag("add_bias_kv")) {
      const ir::Initializer init =
          ir::Initializer::Normal(0, std::sqrt(1.0 / static_cast<double>(embed_)));
      const std::array<ir::Argument, 2> learned = {b_.Weight("bias_k", {1, 1, embed_}, init),
                                                   b_.Weight("bias_v", {1, 1, embed_}, init)};
      for (size_t i = 0; i < 2; ++i) {
        const ir::Argument row =
            b_.Call("aten.reshape.default", {learned[i], Dims{1, heads_, 1, head_}});
        Append(i + 1, b_.Call("aten.add.Tensor", {Zeros({batch_, heads_, 1, head_}), row}));
      }
      ++added_;
    }
    if (b_.Flag("add_zero_attn")) {
      for (size_t i = 0; i < 2; ++i) Append(i + 1, Zeros({batch_, heads_, 1, head_}));
      ++added_;
    }
  }

  void Append(size_t i, const ir::Argument& row) {
    qkv_[i] = b_.Call("aten.cat.default", {ir::Argument::List{qkv_[i], row}, 2});
  }

  void RefuseMask(const char* port, const ir::TensorType& type) {
    Refuse("DTYPE_MISMATCH", "MULTIHEAD_C5", port,
           "a mask holds truth values or is added to the scores",
           fmt::format("bool or {}", ir::DTypeName(dtype_)), ir::TypeText(type));
  }

  // A mask as numbers that are added to the scores, with room for added keys.
  ir::Argument Additive(const char* port, const Dims& shape, const std::string& expected) {
    const ir::Argument given = b_.In(port);
    const ir::TensorType type = b_.TypeOf(given);
    if (type.shape != shape) {
      Refuse(type.rank() == static_cast<int>(shape.size()) ? "SHAPE_MISMATCH" : "RANK_MISMATCH",
             "MULTIHEAD_C5", port, "the mask does not fit query and key", expected,
             ir::TypeText(type));
      return {};
    }
    if (type.dtype != v1::DATA_TYPE_BOOL && type.dtype != dtype_) {
      RefuseMask(port, type);
      return {};
    }
    ir::Argument mask = given;
    if (type.dtype == v1::DATA_TYPE_BOOL) {
      mask = b_.Call("aten.masked_fill.Scalar",
                     {Zeros(shape), given, -std::numeric_limits<double>::infinity()});
    }
    if (added_ == 0) return mask;
    Dims more = shape;
    more.back() = ir::Dim(added_);
    return b_.Call("aten.cat.default", {ir::Argument::List{mask, Zeros(more)}, -1});
  }

  // [B or 1, heads or 1, L or 1, S], or None.
  ir::Argument Mask() {
    const ir::Dim keys = source_ + ir::Dim(added_);
    ir::Argument padding;
    if (b_.HasIn("key_padding_mask")) {
      const Dims shape = batched_ ? Dims{batch_, source_} : Dims{source_};
      padding = Additive("key_padding_mask", shape, ir::ShapeText(shape));
      padding = b_.Call("aten.reshape.default", {padding, Dims{batch_, 1, 1, keys}});
    }
    // The fused kernel makes a causal mask itself.
    causal_ = b_.Flag("is_causal") && padding.IsNone() && !b_.Flag("need_weights");
    if (!b_.ok() || !b_.HasIn("attn_mask")) return padding;
    if (causal_) {
      // It is not read, but what could never be a mask is refused, as in torch.
      const ir::TensorType& type = b_.TypeOf(b_.In("attn_mask"));
      if (type.dtype != v1::DATA_TYPE_BOOL && !ir::IsFloating(type.dtype))
        RefuseMask("attn_mask", type);
      return padding;
    }
    const Dims plain = {length_, source_};
    const Dims full = {batch_ * ir::Dim(heads_), length_, source_};
    const bool per_head = b_.TypeOf(b_.In("attn_mask")).rank() == 3;
    ir::Argument mask =
        Additive("attn_mask", per_head ? full : plain,
                 fmt::format("{} or {}", ir::ShapeText(plain), ir::ShapeText(full)));
    mask = b_.Call("aten.reshape.default", {mask, per_head ? Dims{batch_, heads_, length_, keys}
                                                           : Dims{1, 1, length_, keys}});
    return padding.IsNone() ? mask : b_.Call("aten.add.Tensor", {mask, padding});
  }

  ir::Argument Fused(const ir::Argument& mask) {
    const double p = b_.Float("dropout");
    const ir::Argument dropout = p > 0 ? ir::Argument(ir::TrainingArg{p}) : 0.0;
    return b_.Call("aten.scaled_dot_product_attention.default",
                   {qkv_[0], qkv_[1], qkv_[2], mask, dropout, causal_});
  }

  // Step by step, so that the weights are there to be returned.
  ir::Argument Explicit(const ir::Argument& mask) {
    const ir::Argument scaled =
        b_.Call("aten.mul.Scalar", {qkv_[0], 1.0 / std::sqrt(static_cast<double>(head_))});
    ir::Argument weights =
        b_.Call("aten.matmul.default", {scaled, b_.Call("aten.transpose.int", {qkv_[1], -2, -1})});
    if (!mask.IsNone()) weights = b_.Call("aten.add.Tensor", {weights, mask});
    weights = b_.Call("aten.softmax.int", {weights, -1});
    if (b_.Float("dropout") > 0) {
      weights = b_.Call("aten.dropout.default", {weights, b_.Float("dropout"), ir::TrainingArg{}});
    }
    ir::Argument shown = weights;
    if (b_.Flag("average_attn_weights"))
      shown = b_.Call("aten.mean.dim", {shown, std::vector<int64_t>{1}, false});
    if (!batched_) shown = b_.Call("aten.select.int", {shown, 0, 0});
    b_.Return("attn_output_weights", shown);
    return b_.Call("aten.matmul.default", {weights, qkv_[2]});
  }

  Body& b_;
  const int64_t embed_, heads_, head_;
  bool batched_ = true, causal_ = false;
  ir::Dim batch_, length_, source_;
  int64_t added_ = 0;  // keys behind the given ones
  v1::DataType dtype_ = v1::DATA_TYPE_FLOAT32;
  std::array<ir::Argument, 3> qkv_;
};

void ScaledDotProduct(Body& b) {
  const double p = b.Float("dropout_p");
  b.Return(
      b.Call("aten.scaled_dot_product_attention.default",
             {b.In("query"), b.In("key"), b.In("value"), b.In("attn_mask"),
              p > 0 ? ir::Argument(ir::TrainingArg{p}) : ir::Argument(0.0), b.Flag("is_causal"),
              b.IsNull("scale") ? ir::Argument() : b.Float("scale"), b.Flag("enable_gqa")}));
}

}  // namespace

void AddAttentionNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "ScaledDotProductAttention",
       .category = "attention",
       .doc = "softmax(query key^T * scale + mask) value, with the fastest kernel that the device "
              "has.",
       .params = {Float("dropout_p")
                      .Default(0)
                      .Range(0, 1)
                      .TrainingOnly()
                      .Doc("dropout of the weights, while training"),
                  Bool("is_causal")
                      .Default(ParamValue(false))
                      .Doc("each query sees the keys up to its own position; excludes attn_mask"),
                  Float("scale").Nullable().Doc("factor of the scores; null: 1 / sqrt(E)"),
                  Bool("enable_gqa")
                      .Default(ParamValue(false))
                      .Doc("each head of key and value serves several heads of query")},
       .inputs = {{.name = "query", .doc = "[..., L, E]"},
                  {.name = "key", .doc = "[..., S, E]"},
                  {.name = "value", .doc = "[..., S, V]"},
                  {.name = "attn_mask",
                   .doc = "broadcasts to [..., L, S]: true where a query sees a key, or numbers "
                          "added to the scores",
                   .optional = true}},
       .outputs = {{.name = "output", .doc = "[..., L, V]"}},
       .body = ScaledDotProduct,
       .python = Python::Function("nn.functional.scaled_dot_product_attention"),
       .example = {.inputs = {"float32[2, 4, 5, 8]", "float32[2, 4, 7, 8]", "float32[2, 4, 7, 8]"},
                   .outputs = {"float32[2, 4, 5, 8]"}}});
  nodes.push_back(
      {.name = "MultiheadAttention",
       .category = "attention",
       .doc = "Attention over several projections of query, key and value. Gives (attn_output, "
              "attn_output_weights), without need_weights the output alone and the fused kernel.",
       .params =
           {Int("embed_dim").InferredFrom("query", -1).Min(1).Doc("features of query and output"),
            Int("num_heads").Required().Min(1).Doc("heads; a divisor of embed_dim"),
            Float("dropout").Default(0).Range(0, 1).Doc("dropout of the weights, while training"),
            Bool("bias").Default(ParamValue(true)).Doc("learned biases of the projections"),
            Bool("add_bias_kv").Default(ParamValue(false)).Doc("one learned key and value more"),
            Bool("add_zero_attn").Default(ParamValue(false)).Doc("one key and value of zeros more"),
            Int("kdim").Nullable().Min(1).Doc("features of key; null: embed_dim"),
            Int("vdim").Nullable().Min(1).Doc("features of value; null: embed_dim"),
            Bool("batch_first").Default(ParamValue(false)).Doc("[B, L, E] instead of [L, B, E]"),
            Bool("need_weights")
                .Default(ParamValue(true))
                .AtCall()
                .Doc("also gives the weights; slower"),
            Bool("average_attn_weights")
                .Default(ParamValue(true))
                .AtCall()
                .Doc("the weights are the mean over the heads"),
            Bool("is_causal")
                .Default(ParamValue(false))
                .AtCall()
                .Doc("attn_mask, which must be given, is the causal one")},
       .inputs = {{.name = "query", .doc = "[L, B, E], or [B, L, E] with batch_first; [L, E]"},
                  {.name = "key", .doc = "[S, B, kdim], likewise"},
                  {.name = "value", .doc = "[S, B, vdim], likewise"},
                  {.name = "key_padding_mask",
                   .doc = "[B, S]: true at keys that are ignored, or numbers added to the scores",
                   .optional = true},
                  {.name = "attn_mask",
                   .doc = "[L, S] or [B * heads, L, S]: true where a query must not see a key, or "
                          "numbers added to the scores",
                   .optional = true,
                   .keyword = true}},
       .outputs = {{.name = "attn_output", .doc = "the type of query", .path = {0}},
                   {.name = "attn_output_weights",
                    .doc = "[B, L, S], or [B, heads, L, S] without average_attn_weights",
                    .path = {1},
                    .when = "need_weights"}},
       .body = [](Body& b) { Multihead(b).Run(); },
       .python = Python::Module("nn.MultiheadAttention"),
       .tuple_result = true,
       .example = {.inputs = {"float32[5, 2, 8]", "float32[7, 2, 8]", "float32[7, 2, 8]"},
                   .params = {{"num_heads", int64_t{2}}},
                   .outputs = {"float32[5, 2, 8]", "float32[2, 5, 7]"}}});
}

}  // namespace graphkiln::nodes
