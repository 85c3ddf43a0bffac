#include "common/jobs/job_file.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/fields.h"
#include "common/jobs/schema.h"
#include "fmt/format.h"

namespace graphkiln::jobs {
namespace {

constexpr size_t kHashLength = 64;

bool IsHash(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  return text.size() == kHashLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A saved graph's name has neither dot nor slash, but for its full form.
bool LooksLikePath(std::string_view text) {
  if (text.starts_with("projects/")) return false;
  return text.find_first_of("./\\ ") != std::string_view::npos || text == "-";
}

class Reader {
 public:
  Reader(JobFile* job, std::vector<v1::Diagnostic>* diagnostics)
      : job_(job), diagnostics_(diagnostics) {}

  void Run(const TextNode& document) {
    job_->positions.emplace("", document.pos);
    if (!document.IsMap()) {
      auto* fault =
          AddFault(diagnostics_, "KEY_TYPE", "",
                   fmt::format("a job file is a map of keys, not {}", document.KindName()));
      fault->set_expected("a map");
      fault->set_found(document.Describe());
      return;
    }
    Section("", document, &job_->spec);
  }

 private:
  // Sections nest as deep as the schema does: three levels.
  void Section(std::string_view section, const TextNode& map, google::protobuf::Message* message) {
    StringMap<std::string> groups;
    for (const TextEntry& entry : map.entries) {
      const std::string path =
          section.empty() ? entry.key : fmt::format("{}.{}", section, entry.key);
      const KeySpec* key = entry.key.find('.') == std::string::npos ? FindKey(path) : nullptr;
      if (key == nullptr) {
        UnknownKey(section, path, entry);
        continue;
      }
      job_->positions.emplace(path, entry.value.pos);
      if (entry.value.IsNull()) continue;
      if (!key->group.empty()) {
        const auto [it, first] = groups.emplace(key->group, path);
        if (!first) {
          AddFault(diagnostics_, "KEY_CONFLICT", path,
                   fmt::format("{} and {} exclude each other", it->second, path));
          continue;
        }
      }
      Key(*key, entry.value, message);
    }
  }

  void Key(const KeySpec& key, const TextNode& value, google::protobuf::Message* message) {
    switch (key.type) {
      case KeyType::kSection:
        if (!value.IsMap()) return WrongType(key, value);
        return Section(key.path, value, MutableSection(key.leaf(), message));
      case KeyType::kGraph:
        return Graph(key, value);
      case KeyType::kWeights:
        return Weights(key, value);
      default:
        return ReadField(key, value, message, &job_->positions, diagnostics_);
    }
  }

  void Graph(const KeySpec& key, const TextNode& value) {
    if (value.IsMap()) {
      job_->graph_node = value;
      return;
    }
    if (!value.IsString() || value.s.empty()) return WrongType(key, value);
    if (IsHash(value.s)) {
      job_->spec.mutable_graph()->set_hash(value.s);
    } else if (LooksLikePath(value.s)) {
      job_->graph_path = value.s;
    } else {
      job_->spec.mutable_graph()->set_name(value.s);
    }
  }

  // A path, job:NAME, {job: NAME}, {path: P} or {artifact: SHA256}.
  void Weights(const KeySpec& key, const TextNode& value) {
    auto* weights = job_->spec.mutable_weights();
    if (value.IsString() && value.s.starts_with("job:") && value.s.size() > 4) {
      weights->set_job(value.s.substr(4));
      return;
    }
    if (value.IsString() && !value.s.empty() && value.s != "job:") {
      weights->mutable_file()->set_path(value.s);
      return;
    }
    const TextNode* job = value.Find("job");
    if (job != nullptr && job->IsString() && value.entries.size() == 1) {
      weights->set_job(job->s);
      return;
    }
    const TextNode* path = value.Find("path");
    const TextNode* artifact = value.Find("artifact");
    const size_t known = (path != nullptr ? 1u : 0u) + (artifact != nullptr ? 1u : 0u);
    if (value.IsMap() && known > 0 && known == value.entries.size() &&
        (path == nullptr || path->IsString()) && (artifact == nullptr || artifact->IsString())) {
      if (path != nullptr) weights->mutable_file()->set_path(path->s);
      if (artifact != nullptr) weights->mutable_file()->set_artifact(artifact->s);
      return;
    }
    job_->spec.clear_weights();
    WrongType(key, value);
  }

  void WrongType(const KeySpec& key, const TextNode& value) {
    auto* fault =
        AddFault(diagnostics_, "KEY_TYPE", key.path,
                 fmt::format("{} must be {}, not {}", key.path, TypeText(key), value.Describe()));
    fault->set_expected(TypeText(key));
    fault->set_found(value.Describe());
  }

  void UnknownKey(std::string_view section, const std::string& path, const TextEntry& entry) {
    job_->positions.emplace(path, entry.key_pos);
    auto* fault = AddFault(
        diagnostics_, "UNKNOWN_KEY", path,
        section.empty() ? fmt::format("a job has no key {}", QuoteForMessage(entry.key))
                        : fmt::format("{} has no key {}", section, QuoteForMessage(entry.key)));
    fault->set_found(QuoteForMessage(entry.key));
    std::vector<std::string> siblings;
    for (const KeySpec* key : KeysOf(section)) siblings.emplace_back(key->leaf());
    SuggestName(fault, entry.key, siblings);
    if (fault->fixes_size() > 0) return;
    for (const KeySpec& key : JobSchema()) {
      if (key.leaf() != entry.key) continue;
      fault->add_fixes()->set_description(
          key.parent().empty() ? fmt::format("{} stands at the top of the file", entry.key)
                               : fmt::format("{} stands under {}", entry.key, key.parent()));
      return;
    }
  }

  JobFile* job_;
  std::vector<v1::Diagnostic>* diagnostics_;
};

// The other kind of file at hand; a dozen complaints about its keys would hide the slip.
bool LooksLikeGraph(const TextNode& root) {
  return root.IsMap() && root.Find("nodes") != nullptr && root.Find("graph") == nullptr &&
         root.Find("kind") == nullptr;
}

}  // namespace

bool ReadJob(std::string_view bytes, std::string_view file, const std::vector<Override>& overrides,
             JobFile* job, std::vector<v1::Diagnostic>* diagnostics) {
  const size_t before = diagnostics->size();
  *job = JobFile();  // nothing of an earlier file stays
  TextError error;
  auto document = ReadText(bytes, TextLimits(), &error);
  if (!document.ok()) {
    const bool duplicate = error.message.starts_with("duplicate key");
    auto* fault = AddFault(diagnostics, duplicate ? "DUPLICATE_KEY" : "SYNTAX", "", error.message);
    fault->set_file(std::string(file));
    fault->set_line(error.pos.line);
    fault->set_column(error.pos.column);
    return false;
  }
  if (document->IsNull()) {  // an empty file: everything is missing, nothing is wrong
    document->kind = TextNode::Kind::kMap;
    if (document->pos.line == 0) document->pos = {1, 1};
  }
  if (LooksLikeGraph(*document)) {
    auto* fault = AddFault(diagnostics, "SYNTAX", "",
                           "this is a graph, not a job; a job names it: `graph: FILE`");
    fault->set_file(std::string(file));
    fault->set_line(1);
    fault->set_column(1);
    fault->set_expected("a job: kind, graph, data, loss, optimizer, ...");
    fault->set_found("a graph");
    return false;
  }
  job->readable = true;
  for (const Override& change : overrides) ApplyOverride(change, &*document);
  Reader(job, diagnostics).Run(*document);
  Locate(job->positions, file, diagnostics);
  return diagnostics->size() == before;
}

}  // namespace graphkiln::jobs
