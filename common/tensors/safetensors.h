// safetensors: the one format of weights, inputs and outputs between all programs and Python.
//
// Layout: 8 bytes little-endian header length, JSON header padded with blanks to a multiple of 8,
// then the tensors' bytes without gaps. Reading checks everything before the first byte is used, so
// a file from anywhere can be opened. Any thread; the classes are immutable.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/strings.h"
#include "common/tensors/dtype.h"

namespace graphkiln::tensors {

class SafetensorsFile {
 public:
  /// Maps the file; tensors are views on the mapping. Errors name the file.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);
  static absl::StatusOr<SafetensorsFile> Parse(std::string bytes);

  /// In the order of their bytes in the file. Views live as long as this object or a copy of it.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  /// Null when there is no tensor of that name.
  const TensorView* Find(std::string_view name) const;
  const StringMap<std::string>& metadata() const { return metadata_; }

 private:
  SafetensorsFile() = default;
  static absl::StatusOr<SafetensorsFile> FromBytes(std::string_view bytes,
                                                   std::shared_ptr<const void> owner);

  std::shared_ptr<const void> owner_;  // of the bytes
  std::vector<NamedTensor> tensors_;
  StringMap<size_t> index_;
  StringMap<std::string> metadata_;
};

/// Deterministic: tensors stand by falling element size (so each is aligned), otherwise in the
/// given order; metadata stands sorted. Refuses names that repeat or are not UTF-8 and bytes that
/// do not fit the shape.
absl::StatusOr<std::string> SerializeSafetensors(
    absl::Span<const NamedTensor> tensors, const std::map<std::string, std::string>& metadata);

/// The same bytes streamed to a file that appears only when complete.
absl::Status WriteSafetensors(const std::string& path, absl::Span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata);

}  // namespace graphkiln::tensors
