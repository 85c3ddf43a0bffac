#include "common/jobs/job_writer.h"

#include "common/base/text_reader.h"
#include "common/jobs/fields.h"
#include "common/jobs/schema.h"

namespace graphkiln::jobs {
namespace {

using nlohmann::ordered_json;

// Sections nest three deep.
ordered_json SectionJson(std::string_view section, const google::protobuf::Message& message,
                         std::string_view graph) {
  ordered_json json = ordered_json::object();
  for (const KeySpec* key : KeysOf(section)) {
    if (key->type == KeyType::kSection) {
      const auto* child = SectionOf(key->leaf(), message);
      if (child != nullptr) json[std::string(key->leaf())] = SectionJson(key->path, *child, graph);
      continue;
    }
    if (key->type == KeyType::kGraph && !graph.empty()) {
      json["graph"] = std::string(graph);
      continue;
    }
    ordered_json value = FieldText(*key, message);
    if (!value.is_null()) json[std::string(key->leaf())] = std::move(value);
  }
  return json;
}

// Plain where YAML reads the plain text back to the same string.
std::string ScalarYaml(const ordered_json& value) {
  if (!value.is_string()) {
    if (value.is_number_float()) {
      const double d = value.get<double>();
      if (d != d) return ".nan";
      if (d - d != 0) return d > 0 ? ".inf" : "-.inf";
    }
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  }
  const auto& text = value.get_ref<const std::string&>();
  bool plain = !text.empty() && text.size() < 200;
  for (const char c : text) {
    const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.' || c == '/' || c == '+';
    plain = plain && safe;
  }
  if (plain && text.front() != '-') {
    const auto read = ReadText(text, TextLimits(), nullptr);
    if (read.ok() && read->IsString()) return text;
  }
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool IsFlat(const ordered_json& value) {
  for (const auto& item : value) {
    if (item.is_structured()) return false;
  }
  return true;
}

void Write(const ordered_json& value, int indent, std::string* out);

void WriteItem(const ordered_json& value, int indent, std::string* out) {
  if (!value.is_structured()) {
    *out += " " + ScalarYaml(value) + "\n";
  } else if (value.empty()) {
    *out += value.is_array() ? " []\n" : " {}\n";
  } else if (value.is_array() && IsFlat(value)) {
    *out += " [";
    for (size_t i = 0; i < value.size(); ++i) *out += (i > 0 ? ", " : "") + ScalarYaml(value[i]);
    *out += "]\n";
  } else {
    *out += "\n";
    Write(value, indent + 2, out);
  }
}

// Depth is that of the value, which our own code built (a job is at most four deep).
void Write(const ordered_json& value, int indent, std::string* out) {
  const std::string pad(static_cast<size_t>(indent), ' ');
  if (value.is_array()) {
    for (const auto& item : value) {
      *out += pad + "-";
      WriteItem(item, indent, out);
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    *out += pad + ScalarYaml(key) + ":";
    WriteItem(item, indent, out);
  }
}

}  // namespace

ordered_json JobJson(const v1::JobSpec& spec, std::string_view graph) {
  return SectionJson("", spec, graph);
}

std::string YamlText(const ordered_json& value) {
  std::string out;
  if (value.is_structured() && !value.empty()) {
    Write(value, 0, &out);
  } else {
    out = (value.is_structured() ? value.dump() : ScalarYaml(value)) + "\n";
  }
  return out;
}

}  // namespace graphkiln::jobs
