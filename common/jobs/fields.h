// One row of the schema and its field of v1::JobSpec: reading a value of the file into the field,
// writing the field as a value, telling whether it is set. By protobuf reflection, so that a new
// key needs a row in the table and nothing here. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/jobs/faults.h"
#include "common/jobs/schema.h"
#include "google/protobuf/message.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/value.pb.h"
#include "nlohmann/json.hpp"

namespace graphkiln::jobs {

/// The row's field in the message of its section.
const google::protobuf::FieldDescriptor* FieldOf(const KeySpec& key,
                                                 const google::protobuf::Message& parent);
/// `PRECISION_` for the enum Precision, whose value `float32` is PRECISION_FLOAT32.
std::string EnumPrefix(const google::protobuf::EnumDescriptor& type);
inline constexpr int64_t kSecond = 1'000'000'000;  // in nanoseconds

/// Reads `value` into the row's field of `parent` (the message of the row's section). Sections,
/// graphs and weights are the caller's. Faults are appended with their path; the field then stays
/// unset.
void ReadField(const KeySpec& key, const TextNode& value, google::protobuf::Message* parent,
               JobPositions* positions, std::vector<v1::Diagnostic>* diagnostics);

/// True where the field has a value other than "absent".
bool FieldIsSet(const KeySpec& key, const google::protobuf::Message& parent);

/// The field as the job file spells it; null where it has no value to show.
nlohmann::ordered_json FieldText(const KeySpec& key, const google::protobuf::Message& parent);

/// The section's message below `root`; null where it is absent (Mutable makes it).
const google::protobuf::Message* SectionOf(std::string_view section,
                                           const google::protobuf::Message& root);
google::protobuf::Message* MutableSection(std::string_view section,
                                          google::protobuf::Message* root);

/// The number in an integer or real field. REQUIRES: the row is kInt or kFloat.
double NumberIn(const KeySpec& key, const google::protobuf::Message& parent);

/// A value of a file as a parameter value; false for what cannot be one.
bool ToValue(const TextNode& node, v1::Value* value);

}  // namespace graphkiln::jobs
