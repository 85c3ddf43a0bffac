// Element types of tensors in files, and views on tensors. Shared by all readers and writers here
// and by the trainer and the command line. Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace graphkiln::tensors {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

/// Bytes per element.
int64_t DTypeSize(DType dtype);
/// The name in safetensors: "F32".
std::string_view DTypeName(DType dtype);
std::optional<DType> DTypeFromName(std::string_view name);

/// A dense row-major (C order) tensor whose little-endian bytes somebody else owns. Bytes of a file
/// written by others may lie at any address: copy before casting the pointer where that matters.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::string_view bytes;
};

struct NamedTensor {
  std::string name;
  TensorView tensor;
};

/// The number of elements, or nothing where a size is negative or the product overflows int64.
std::optional<int64_t> ElementCount(absl::Span<const int64_t> shape);
/// ElementCount * DTypeSize under the same rule.
std::optional<int64_t> ByteCount(DType dtype, absl::Span<const int64_t> shape);

/// "[2, 3]" for messages.
std::string ShapeText(absl::Span<const int64_t> shape);

}  // namespace graphkiln::tensors
