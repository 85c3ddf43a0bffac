// Weights of a graph by state_dict key: initial ones, or those of a file. Used by the commands that
// write weights. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/strings.h"
#include "common/tensors/safetensors.h"
#include "graphkiln/v1/ir.pb.h"

namespace graphkiln::cli {

class Weights {
 public:
  Weights() = default;
  Weights(Weights&&) = default;  // a copy's tensors would point into the original
  Weights& operator=(Weights&&) = default;

  /// First values of all that belongs to the state_dict, the same bytes that a trainer starts from.
  static absl::StatusOr<Weights> Initial(const v1::IrModule& module, uint64_t seed);
  /// Those of a safetensors file.
  static absl::StatusOr<Weights> Open(const std::string& path);

  /// In the order of the program, or of the file.
  const std::vector<tensors::NamedTensor>& tensors() const { return tensors_; }
  /// Null where there is none.
  const tensors::TensorView* Find(std::string_view key) const;
  /// Adds what `other` holds; it must live as long as this.
  void Add(const Weights& other);

  /// InvalidArgument names the first parameter that is missing or has another type.
  absl::Status Check(const v1::IrModule& module) const;
  /// Those under `keys`, as a file. REQUIRES: all are there.
  absl::Status Write(const std::string& path, const std::vector<std::string>& keys) const;

 private:
  std::vector<std::string> storage_;  // of initial values
  std::vector<tensors::SafetensorsFile> files_;
  std::vector<tensors::NamedTensor> tensors_;
  StringMap<size_t> index_;
};

/// Keys of the program's state_dict.
std::vector<std::string> StateKeys(const v1::IrModule& module);

}  // namespace graphkiln::cli
