// Channels into pixels and back, channels among groups.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {

void AddShuffleNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "PixelShuffle",
                   .category = "shape",
                   .doc = "[..., C*r*r, H, W] becomes [..., C, H*r, W*r] (sub-pixel convolution).",
                   .params = {Int("upscale_factor").Required().Min(1).Doc("r")},
                   .inputs = {{.name = "input", .doc = "[..., C*r*r, H, W]"}},
                   .body =
                       [](Body& b) {
                         b.Return(b.Call("aten.pixel_shuffle.default",
                                         {b.In("input"), b.Int("upscale_factor")}));
                       },
                   .python = Python::Module("nn.PixelShuffle"),
                   .example = {.inputs = {"float32[2, 8, 3, 4]"},
                               .params = {{"upscale_factor", int64_t{2}}},
                               .outputs = {"float32[2, 2, 6, 8]"}}});
  nodes.push_back(
      {.name = "PixelUnshuffle",
       .category = "shape",
       .doc = "[..., C, H*r, W*r] becomes [..., C*r*r, H, W]: the inverse of PixelShuffle.",
       .params = {Int("downscale_factor").Required().Min(1).Doc("r")},
       .inputs = {{.name = "input", .doc = "[..., C, H*r, W*r]"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.pixel_unshuffle.default",
                             {b.In("input"), b.Int("downscale_factor")}));
           },
       .python = Python::Module("nn.PixelUnshuffle"),
       .example = {.inputs = {"float32[2, 2, 6, 8]"},
                   .params = {{"downscale_factor", int64_t{2}}},
                   .outputs = {"float32[2, 8, 3, 4]"}}});
  nodes.push_back(
      {.name = "ChannelShuffle",
       .category = "shape",
       .doc = "Takes the channels of [B, C, ...] from the groups in turn; the shape stays.",
       .params = {Int("groups").Required().Min(1).Doc("number of groups, a divisor of C")},
       .inputs = {{.name = "input", .doc = "[B, C, *], at least one dimension after C"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.channel_shuffle.default", {b.In("input"), b.Int("groups")}));
           },
       .python = Python::Module("nn.ChannelShuffle"),
       .example = {.inputs = {"float32[2, 6, 3, 4]"},
                   .params = {{"groups", int64_t{3}}},
                   .outputs = {"float32[2, 6, 3, 4]"}}});
}

}  // namespace graphkiln::nodes
