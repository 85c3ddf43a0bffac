#include "common/ir/types.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

struct DTypeEntry {
  DataType dtype;
  std::string_view name;
  std::array<std::string_view, 3> aliases;
  int bytes;
};

constexpr std::array<DTypeEntry, 12> kDTypes = {{
    {v1::DATA_TYPE_FLOAT32, "float32", {"f32", "float", "float32"}, 4},
    {v1::DATA_TYPE_FLOAT64, "float64", {"f64", "double", "float64"}, 8},
    {v1::DATA_TYPE_FLOAT16, "float16", {"f16", "half", "float16"}, 2},
    {v1::DATA_TYPE_BFLOAT16, "bfloat16", {"bf16", "bfloat16", "bfloat16"}, 2},
    {v1::DATA_TYPE_INT64, "int64", {"i64", "long", "int64"}, 8},
    {v1::DATA_TYPE_INT32, "int32", {"i32", "int", "int32"}, 4},
    {v1::DATA_TYPE_INT16, "int16", {"i16", "short", "int16"}, 2},
    {v1::DATA_TYPE_INT8, "int8", {"i8", "int8", "int8"}, 1},
    {v1::DATA_TYPE_UINT8, "uint8", {"u8", "byte", "uint8"}, 1},
    {v1::DATA_TYPE_BOOL, "bool", {"b8", "bool", "bool"}, 1},
    {v1::DATA_TYPE_COMPLEX64, "complex64", {"c64", "cfloat", "complex64"}, 8},
    {v1::DATA_TYPE_COMPLEX128, "complex128", {"c128", "cdouble", "complex128"}, 16},
}};

constexpr int kMaxRank = 64;

const DTypeEntry* Find(DataType dtype) {
  for (const DTypeEntry& entry : kDTypes) {
    if (entry.dtype == dtype) return &entry;
  }
  return nullptr;
}

}  // namespace

std::string_view DTypeName(DataType dtype) {
  const DTypeEntry* entry = Find(dtype);
  return entry != nullptr ? entry->name : "unknown";
}

DataType ParseDType(std::string_view name) {
  if (name.substr(0, 6) == "torch.") name.remove_prefix(6);
  for (const DTypeEntry& entry : kDTypes) {
    if (entry.name == name) return entry.dtype;
    for (const std::string_view alias : entry.aliases) {
      if (alias == name) return entry.dtype;
    }
  }
  return v1::DATA_TYPE_UNSPECIFIED;
}

int64_t DTypeBytes(DataType dtype) {
  const DTypeEntry* entry = Find(dtype);
  return entry != nullptr ? entry->bytes : 4;
}

bool IsFloating(DataType dtype) {
  return dtype == v1::DATA_TYPE_FLOAT32 || dtype == v1::DATA_TYPE_FLOAT64 ||
         dtype == v1::DATA_TYPE_FLOAT16 || dtype == v1::DATA_TYPE_BFLOAT16;
}

bool IsIntegral(DataType dtype) {
  return dtype == v1::DATA_TYPE_INT64 || dtype == v1::DATA_TYPE_INT32 ||
         dtype == v1::DATA_TYPE_INT16 || dtype == v1::DATA_TYPE_INT8 ||
         dtype == v1::DATA_TYPE_UINT8;
}

Dim TensorType::Numel() const {
  Dim product(1);
  for (const Dim& d : shape) product = product * d;
  return product;
}

TensorType TensorType::WithDim(int i, Dim size) const {
  TensorType out = *this;
  out.shape[static_cast<size_t>(i < 0 ? i + rank() : i)] = std::move(size);
  return out;
}

TensorType TensorType::WithDType(DataType d) const {
  TensorType out = *this;
  out.dtype = d;
  return out;
}

std::string ShapeText(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i].ToString();
  }
  return text + "]";
}

std::string TypeText(const TensorType& type) {
  return fmt::format("{}{}", DTypeName(type.dtype), ShapeText(type.shape));
}

v1::TensorSpec ToProto(const TensorType& type) {
  v1::TensorSpec spec;
  ToProto(type, &spec);
  return spec;
}

void ToProto(const TensorType& type, v1::TensorSpec* spec) {
  spec->set_dtype(type.dtype);
  spec->mutable_shape()->Reserve(type.rank());
  for (const Dim& d : type.shape) {
    v1::Dim* out = spec->add_shape();
    if (d.IsConst()) {
      out->set_size(d.value());
    } else {
      out->set_symbol(d.ToString());
    }
  }
}

absl::StatusOr<TensorType> FromProto(const v1::TensorSpec& spec) {
  TensorType type;
  if (spec.shape_size() > kMaxRank) {
    return absl::InvalidArgumentError(
        fmt::format("{} dimensions, at most {} are allowed", spec.shape_size(), kMaxRank));
  }
  type.dtype = spec.dtype() == v1::DATA_TYPE_UNSPECIFIED ? v1::DATA_TYPE_FLOAT32 : spec.dtype();
  if (Find(type.dtype) == nullptr) return absl::InvalidArgumentError("unknown element type");
  type.shape.reserve(static_cast<size_t>(spec.shape_size()));
  for (const v1::Dim& d : spec.shape()) {
    if (d.kind_case() == v1::Dim::kSize) {
      if (d.size() < 0) {
        return absl::InvalidArgumentError(fmt::format("size {} is negative", d.size()));
      }
      type.shape.emplace_back(d.size());
    } else if (d.kind_case() == v1::Dim::kSymbol) {
      ASSIGN_OR_RETURN(Dim parsed, Dim::Parse(d.symbol()));
      if (parsed.IsSaturated())
        return absl::InvalidArgumentError("a size is too large, or its expression too long");
      type.shape.push_back(std::move(parsed));
    } else {
      return absl::InvalidArgumentError("a dimension has neither size nor symbol");
    }
  }
  return type;
}

}  // namespace graphkiln::ir
