#include "common/tensors/npy.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::tensors {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kMaxRank = 64;

template <class... Args>
absl::Status Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return absl::InvalidArgumentError(fmt::format(format, std::forward<Args>(args)...));
}

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// The header is a Python dict literal with three known keys:
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  absl::StatusOr<NpyHeader> Parse() {
    NpyHeader header;
    bool have_descr = false;
    bool have_order = false;
    bool have_shape = false;
    if (!Take('{')) return Malformed();
    while (!Take('}')) {
      std::string key;
      if (!TakeString(&key) || !Take(':')) return Malformed();
      bool ok = false;
      if (key == "descr" && !have_descr) {
        SkipBlanks();
        if (rest_.starts_with('[')) return Invalid("arrays with named fields are not supported");
        ok = have_descr = TakeString(&header.descr);
      } else if (key == "fortran_order" && !have_order) {
        ok = have_order = TakeBool(&header.fortran_order);
      } else if (key == "shape" && !have_shape) {
        ok = have_shape = TakeShape(&header.shape);
      }
      if (!ok) return Malformed();
      if (!Take(',') && !Peek('}')) return Malformed();
    }
    SkipBlanks();
    if (!rest_.empty() || !have_descr || !have_order || !have_shape) return Malformed();
    return header;
  }

 private:
  static absl::Status Malformed() { return Invalid("the .npy header is malformed"); }

  void SkipBlanks() { rest_ = TrimView(rest_); }
  bool Peek(char c) {
    SkipBlanks();
    return rest_.starts_with(c);
  }
  bool Take(char c) {
    if (!Peek(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool TakeWord(std::string_view word) {
    SkipBlanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool TakeBool(bool* value) {
    *value = TakeWord("True");
    return *value || TakeWord("False");
  }
  bool TakeString(std::string* value) {
    if (!Peek('\'') && !Peek('"')) return false;
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return false;
    *value = std::string(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return true;
  }
  bool TakeSize(int64_t* value) {
    SkipBlanks();
    size_t digits = 0;
    *value = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      if (__builtin_mul_overflow(*value, 10, value) ||
          __builtin_add_overflow(*value, rest_[digits] - '0', value)) {
        return false;
      }
      ++digits;
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }
  bool TakeShape(std::vector<int64_t>* shape) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      int64_t size = 0;
      if (shape->size() == kMaxRank || !TakeSize(&size)) return false;
      shape->push_back(size);
      if (!Take(',') && !Peek(')')) return false;
    }
    return true;
  }

  std::string_view rest_;
};

absl::StatusOr<DType> DTypeOfDescr(std::string_view descr) {
  struct Row {
    std::string_view kind_and_size;
    DType dtype;
  };
  constexpr Row kRows[] = {{"f8", DType::kF64}, {"f4", DType::kF32}, {"f2", DType::kF16},
                           {"i8", DType::kI64}, {"i4", DType::kI32}, {"i2", DType::kI16},
                           {"i1", DType::kI8},  {"u1", DType::kU8},  {"b1", DType::kBool}};
  if (descr.find('O') != std::string_view::npos) {
    return Invalid("arrays of Python objects are refused: reading them would execute a pickle");
  }
  if (!descr.empty()) {
    for (const Row& row : kRows) {
      if (descr.substr(1) != row.kind_and_size) continue;
      if (descr.front() == '<' || descr.front() == '|' || (descr.front() == '=')) return row.dtype;
      if (descr.front() == '>' && DTypeSize(row.dtype) == 1) return row.dtype;
      if (descr.front() == '>') {
        return Invalid("the array is big-endian ({}); save it as little-endian",
                       QuoteForMessage(descr));
      }
    }
  }
  return Invalid("the element type {} is not supported", QuoteForMessage(descr));
}

// `source` in Fortran order (first index fastest) -> C order.
std::string ToRowMajor(std::string_view source, const std::vector<int64_t>& shape, size_t size) {
  std::string result(source.size(), '\0');
  const size_t rank = shape.size();
  std::vector<size_t> stride(rank, 1);  // in elements of the C-ordered result
  for (size_t d = rank - 1; d > 0; --d) {
    stride[d - 1] = stride[d] * static_cast<size_t>(shape[d]);
  }
  std::vector<int64_t> index(rank, 0);
  size_t to = 0;
  for (size_t from = 0; from < source.size(); from += size) {
    std::memcpy(result.data() + to * size, source.data() + from, size);
    for (size_t d = 0; d < rank; ++d) {
      to += stride[d];
      if (++index[d] < shape[d]) break;
      to -= stride[d] * static_cast<size_t>(shape[d]);
      index[d] = 0;
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<NpyArray> NpyArray::Open(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  auto owner = std::make_shared<const MappedFile>(std::move(mapped));
  const std::string_view bytes = owner->bytes();
  absl::StatusOr<NpyArray> array = FromBytes(bytes, std::move(owner));
  if (!array.ok()) return Annotate(array.status(), path);
  return array;
}

absl::StatusOr<NpyArray> NpyArray::Parse(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view view = *owner;
  return FromBytes(view, std::move(owner));
}

absl::StatusOr<NpyArray> NpyArray::FromBytes(std::string_view bytes,
                                             std::shared_ptr<const void> owner) {
  constexpr size_t kShortPreamble = 10;
  constexpr size_t kLongPreamble = 12;
  if (!bytes.starts_with(kMagic) || bytes.size() < kShortPreamble) {
    return Invalid("not a .npy file");
  }
  const auto byte = [&](size_t i) {
    return static_cast<size_t>(static_cast<unsigned char>(bytes[i]));
  };
  const size_t major = byte(6);
  if (major < 1 || major > 3) return Invalid("version {} of .npy is not supported", major);
  const size_t preamble = major == 1 ? kShortPreamble : kLongPreamble;
  if (bytes.size() < preamble) return Invalid("the .npy file is cut short");
  size_t header_size = byte(8) | (byte(9) << 8);
  if (major > 1) header_size |= (byte(10) << 16) | (byte(11) << 24);
  if (header_size > kMaxHeaderBytes) {
    return Invalid("a .npy header of {} bytes is beyond the limit of {}", header_size,
                   kMaxHeaderBytes);
  }
  if (header_size > bytes.size() - preamble) return Invalid("the .npy file is cut short");
  ASSIGN_OR_RETURN(NpyHeader header, HeaderParser(bytes.substr(preamble, header_size)).Parse());
  NpyArray array;
  ASSIGN_OR_RETURN(array.tensor_.dtype, DTypeOfDescr(header.descr));
  const std::string_view data = bytes.substr(preamble + header_size);
  const std::optional<int64_t> expected = ByteCount(array.tensor_.dtype, header.shape);
  if (expected != static_cast<int64_t>(data.size())) {
    return Invalid("an array of shape {} and type {} cannot have {} bytes", ShapeText(header.shape),
                   DTypeName(array.tensor_.dtype), data.size());
  }
  array.tensor_.shape = std::move(header.shape);
  array.tensor_.bytes = data;
  array.owner_ = std::move(owner);
  if (header.fortran_order && array.tensor_.shape.size() > 1 && !data.empty()) {
    auto converted = std::make_shared<const std::string>(
        ToRowMajor(data, array.tensor_.shape, static_cast<size_t>(DTypeSize(array.tensor_.dtype))));
    array.tensor_.bytes = *converted;
    array.owner_ = std::move(converted);
  }
  return array;
}

}  // namespace graphkiln::tensors
