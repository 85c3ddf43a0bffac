#include "common/tensors/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text_reader.h"

namespace graphkiln::tensors {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kAlignment = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

template <class... Args>
absl::Status Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return absl::InvalidArgumentError(fmt::format(format, std::forward<Args>(args)...));
}

uint64_t LoadU64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

absl::StatusOr<std::vector<int64_t>> IntList(const std::string& name, const TextNode& entry,
                                             std::string_view key) {
  const TextNode* list = entry.Find(key);
  if (list == nullptr || !list->IsList()) {
    return Invalid("tensor {} has no list {}", QuoteForMessage(name), key);
  }
  std::vector<int64_t> values;
  for (const TextNode& item : list->items) {
    if (!item.IsInt() || item.i < 0) {
      return Invalid("tensor {}: {} holds {}, expected whole numbers from 0", QuoteForMessage(name),
                     key, item.Describe());
    }
    values.push_back(item.i);
  }
  return values;
}

absl::StatusOr<NamedTensor> ParseTensor(const std::string& name, const TextNode& entry,
                                        std::string_view data) {
  if (!entry.IsMap()) {
    return Invalid("tensor {} is described by {}, expected a map", QuoteForMessage(name),
                   entry.KindName());
  }
  const TextNode* dtype_name = entry.Find("dtype");
  if (dtype_name == nullptr || !dtype_name->IsString()) {
    return Invalid("tensor {} has no dtype", QuoteForMessage(name));
  }
  const std::optional<DType> dtype = DTypeFromName(dtype_name->s);
  if (!dtype.has_value()) {
    return Invalid("tensor {} has the unsupported dtype {}", QuoteForMessage(name),
                   QuoteForMessage(dtype_name->s));
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, IntList(name, entry, "shape"));
  ASSIGN_OR_RETURN(const std::vector<int64_t> offsets, IntList(name, entry, "data_offsets"));
  if (offsets.size() != 2 || offsets[0] > offsets[1] ||
      static_cast<uint64_t>(offsets[1]) > data.size()) {
    return Invalid("tensor {} has data_offsets {} outside the {} bytes of data",
                   QuoteForMessage(name), ShapeText(offsets), data.size());
  }
  const std::optional<int64_t> expected = ByteCount(*dtype, shape);
  if (expected != offsets[1] - offsets[0]) {
    return Invalid("tensor {} of shape {} and dtype {} cannot have {} bytes", QuoteForMessage(name),
                   ShapeText(shape), DTypeName(*dtype), offsets[1] - offsets[0]);
  }
  return NamedTensor{
      name,
      {*dtype, std::move(shape),
       data.substr(static_cast<size_t>(offsets[0]), static_cast<size_t>(offsets[1] - offsets[0]))}};
}

absl::Status ParseMetadata(const TextNode& entry, StringMap<std::string>& metadata) {
  if (!entry.IsMap()) return Invalid("__metadata__ is {}, expected a map", entry.KindName());
  for (const TextEntry& item : entry.entries) {
    if (!item.value.IsString()) {
      return Invalid("__metadata__ {} is {}, expected a string", QuoteForMessage(item.key),
                     item.value.KindName());
    }
    metadata[item.key] = item.value.s;
  }
  return absl::OkStatus();
}

// Sorts by position and checks that the tensors fill the data exactly, so that none overlap and
// nothing can hide between them.
absl::Status SortAndCheckCoverage(std::string_view data, std::vector<NamedTensor>& tensors) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return std::pair(a.tensor.bytes.data(), a.tensor.bytes.size()) <
           std::pair(b.tensor.bytes.data(), b.tensor.bytes.size());
  });
  size_t end = 0;
  for (const NamedTensor& tensor : tensors) {
    const auto begin = static_cast<size_t>(tensor.tensor.bytes.data() - data.data());
    if (begin != end) {
      return Invalid(
          "tensor {} begins at byte {} of the data, expected {} (tensors must neither overlap nor "
          "leave gaps)",
          QuoteForMessage(tensor.name), begin, end);
    }
    end = begin + tensor.tensor.bytes.size();
  }
  if (end != data.size()) {
    return Invalid("the tensors end at byte {} of {} bytes of data", end, data.size());
  }
  return absl::OkStatus();
}

absl::Status CheckTensor(const NamedTensor& tensor, StringSet& names) {
  if (!IsValidUtf8(tensor.name)) {
    return Invalid("tensor name {} is not valid UTF-8", QuoteForMessage(tensor.name));
  }
  if (tensor.name == kMetadataKey || !names.insert(tensor.name).second) {
    return Invalid("tensor name {} is used twice or reserved", QuoteForMessage(tensor.name));
  }
  const std::optional<int64_t> expected = ByteCount(tensor.tensor.dtype, tensor.tensor.shape);
  if (expected != static_cast<int64_t>(tensor.tensor.bytes.size())) {
    return Invalid("tensor {} of shape {} and dtype {} cannot have {} bytes",
                   QuoteForMessage(tensor.name), ShapeText(tensor.tensor.shape),
                   DTypeName(tensor.tensor.dtype), tensor.tensor.bytes.size());
  }
  return absl::OkStatus();
}

// Length and header; `order` receives the order in which the tensors' bytes follow.
absl::StatusOr<std::string> MakeHeader(absl::Span<const NamedTensor> tensors,
                                       const std::map<std::string, std::string>& metadata,
                                       std::vector<size_t>& order) {
  StringSet names;
  for (const NamedTensor& tensor : tensors) RETURN_IF_ERROR(CheckTensor(tensor, names));
  order.resize(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return DTypeSize(tensors[a].tensor.dtype) > DTypeSize(tensors[b].tensor.dtype);
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    nlohmann::ordered_json& entries = header[std::string(kMetadataKey)];
    for (const auto& [key, value] : metadata) {
      if (!IsValidUtf8(key) || !IsValidUtf8(value)) {
        return Invalid("metadata {} is not valid UTF-8", QuoteForMessage(key));
      }
      entries[key] = value;
    }
  }
  // ordered_json looks keys up linearly; the members are therefore appended without a look-up.
  auto& members = header.get_ref<nlohmann::ordered_json::object_t&>();
  uint64_t offset = 0;
  for (const size_t i : order) {
    const TensorView& view = tensors[i].tensor;
    const uint64_t end = offset + view.bytes.size();
    members.push_back({tensors[i].name,
                       {{"dtype", std::string(DTypeName(view.dtype))},
                        {"shape", view.shape},
                        {"data_offsets", {offset, end}}}});
    offset = end;
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  if (text.size() > kMaxHeaderBytes) {
    return Invalid("the header would take {} bytes, the format allows {}", text.size(),
                   kMaxHeaderBytes);
  }
  std::string bytes;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    bytes.push_back(static_cast<char>((static_cast<uint64_t>(text.size()) >> (8 * i)) & 0xff));
  }
  return bytes + text;
}

}  // namespace

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  auto owner = std::make_shared<const MappedFile>(std::move(mapped));
  const std::string_view bytes = owner->bytes();
  absl::StatusOr<SafetensorsFile> file = FromBytes(bytes, std::move(owner));
  if (!file.ok()) return Annotate(file.status(), path);
  return file;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Parse(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view view = *owner;
  return FromBytes(view, std::move(owner));
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::FromBytes(std::string_view bytes,
                                                           std::shared_ptr<const void> owner) {
  if (bytes.size() < kLengthBytes) {
    return Invalid("not a safetensors file: only {} bytes", bytes.size());
  }
  const uint64_t header_size = LoadU64(bytes);
  if (header_size > kMaxHeaderBytes) {
    return Invalid("not a safetensors file: a header of {} bytes is beyond the format's limit",
                   header_size);
  }
  if (header_size > bytes.size() - kLengthBytes) {
    return Invalid("the safetensors file is cut short: a header of {} bytes in {} bytes",
                   header_size, bytes.size());
  }
  const std::string_view header = bytes.substr(kLengthBytes, static_cast<size_t>(header_size));
  const std::string_view data = bytes.substr(kLengthBytes + static_cast<size_t>(header_size));
  if (!header.starts_with('{')) return Invalid("not a safetensors file: the header is no JSON map");
  TextLimits limits;
  limits.max_bytes = kMaxHeaderBytes;
  limits.max_depth = 3;
  absl::StatusOr<TextNode> root = ReadText(header, limits, nullptr);
  if (!root.ok()) return Annotate(root.status(), "safetensors header");

  SafetensorsFile file;
  file.owner_ = std::move(owner);
  for (const TextEntry& entry : root->entries) {
    if (entry.key == kMetadataKey) {
      RETURN_IF_ERROR(ParseMetadata(entry.value, file.metadata_));
      continue;
    }
    ASSIGN_OR_RETURN(NamedTensor tensor, ParseTensor(entry.key, entry.value, data));
    file.tensors_.push_back(std::move(tensor));
  }
  RETURN_IF_ERROR(SortAndCheckCoverage(data, file.tensors_));
  for (size_t i = 0; i < file.tensors_.size(); ++i) file.index_[file.tensors_[i].name] = i;
  return file;
}

const TensorView* SafetensorsFile::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second].tensor;
}

absl::StatusOr<std::string> SerializeSafetensors(
    absl::Span<const NamedTensor> tensors, const std::map<std::string, std::string>& metadata) {
  std::vector<size_t> order;
  ASSIGN_OR_RETURN(std::string bytes, MakeHeader(tensors, metadata, order));
  for (const size_t i : order) bytes.append(tensors[i].tensor.bytes);
  return bytes;
}

absl::Status WriteSafetensors(const std::string& path, absl::Span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::vector<size_t> order;
  ASSIGN_OR_RETURN(const std::string header, MakeHeader(tensors, metadata, order));
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Append(header));
  for (const size_t i : order) RETURN_IF_ERROR(file.Append(tensors[i].tensor.bytes));
  return file.Commit();
}

}  // namespace graphkiln::tensors
