// NumPy's .npy files, read only. No pickle is ever executed: arrays of objects are refused.
// Any thread; the classes are immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/tensors/dtype.h"

namespace graphkiln::tensors {

/// One array. Fortran-ordered files are brought into C order while reading.
class NpyArray {
 public:
  /// Maps the file. Errors name it.
  static absl::StatusOr<NpyArray> Open(const std::string& path);
  static absl::StatusOr<NpyArray> Parse(std::string bytes);

  /// The view lives as long as this object or a copy of it.
  const TensorView& tensor() const { return tensor_; }

 private:
  NpyArray() = default;
  static absl::StatusOr<NpyArray> FromBytes(std::string_view bytes,
                                            std::shared_ptr<const void> owner);

  std::shared_ptr<const void> owner_;  // of the bytes
  TensorView tensor_;
};

}  // namespace graphkiln::tensors
