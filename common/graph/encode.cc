#include "common/graph/encode.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "google/protobuf/unknown_field_set.h"

namespace graphkiln::graph {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void AppendNumber(uint64_t v, std::string& out) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(v >> (8 * i));
  out.append(bytes, sizeof(bytes));
}

void AppendText(const std::string& text, std::string& out) {
  AppendNumber(text.size(), out);
  out += text;
}

uint64_t Bits(double v) {
  if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();  // there is one
  uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof(bits));
  return bits;
}

// A value of `field`; `index` is -1 for fields that do not repeat.
void AppendValue(const Message& message, const FieldDescriptor& field, int index,
                 std::string& out) {
  const Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  const FieldDescriptor* f = &field;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return AppendNumber(static_cast<uint64_t>(one ? r.GetInt32(message, f)
                                                    : r.GetRepeatedInt32(message, f, index)),
                          out);
    case FieldDescriptor::CPPTYPE_INT64:
      return AppendNumber(static_cast<uint64_t>(one ? r.GetInt64(message, f)
                                                    : r.GetRepeatedInt64(message, f, index)),
                          out);
    case FieldDescriptor::CPPTYPE_UINT32:
      return AppendNumber(one ? r.GetUInt32(message, f) : r.GetRepeatedUInt32(message, f, index),
                          out);
    case FieldDescriptor::CPPTYPE_UINT64:
      return AppendNumber(one ? r.GetUInt64(message, f) : r.GetRepeatedUInt64(message, f, index),
                          out);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return AppendNumber(
          Bits(one ? r.GetDouble(message, f) : r.GetRepeatedDouble(message, f, index)), out);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return AppendNumber(
          Bits(one ? r.GetFloat(message, f) : r.GetRepeatedFloat(message, f, index)), out);
    case FieldDescriptor::CPPTYPE_BOOL:
      return AppendNumber(one ? r.GetBool(message, f) : r.GetRepeatedBool(message, f, index), out);
    case FieldDescriptor::CPPTYPE_ENUM:
      return AppendNumber(static_cast<uint64_t>(one ? r.GetEnumValue(message, f)
                                                    : r.GetRepeatedEnumValue(message, f, index)),
                          out);
    case FieldDescriptor::CPPTYPE_STRING:
      return AppendText(one ? r.GetString(message, f) : r.GetRepeatedString(message, f, index),
                        out);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return AppendText(
          Encode(one ? r.GetMessage(message, f) : r.GetRepeatedMessage(message, f, index)), out);
  }
}

}  // namespace

std::string Encode(const Message& message) {
  std::string out;
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);  // ordered by number
  for (const FieldDescriptor* field : fields) {
    AppendNumber(static_cast<uint64_t>(field->number()), out);
    if (!field->is_repeated()) {
      AppendValue(message, *field, -1, out);
      continue;
    }
    std::vector<std::string> items(static_cast<size_t>(reflection.FieldSize(message, field)));
    for (size_t i = 0; i < items.size(); ++i)
      AppendValue(message, *field, static_cast<int>(i), items[i]);
    // An entry begins with its key, of which there is one.
    if (field->is_map()) std::sort(items.begin(), items.end());
    AppendNumber(items.size(), out);
    for (const std::string& item : items) out += item;
  }
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  if (unknown.empty()) return out;
  std::string bytes;
  unknown.SerializeToString(&bytes);
  AppendNumber(0, out);
  AppendText(bytes, out);
  return out;
}

}  // namespace graphkiln::graph
