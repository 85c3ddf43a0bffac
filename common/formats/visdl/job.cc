#include "common/formats/visdl/job.h"

#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"
#include "fmt/format.h"

namespace graphkiln::formats::visdl {
namespace {

constexpr int kRows = 3;  // levels of the text that stand one entry a line

class JobWriter {
 public:
  explicit JobWriter(std::vector<v1::Diagnostic>* diagnostics) : diagnostics_(diagnostics) {}

  std::optional<Json> Run(const v1::Graph& graph) {
    const v1::Value* saved = Origin(graph, "visdl").Find("saved");
    const Json fields = saved == nullptr ? Json::object() : RawJson(*saved);
    const auto config = fields.find("config");
    if (config == fields.end() || !config->is_object()) {
      Lacks("a graph that came without a config", v1::SEVERITY_ERROR);
      return std::nullopt;
    }
    if (graph.inputs_size() != 1) {
      Lacks("a graph with another number of inputs than 1", v1::SEVERITY_ERROR);
      return std::nullopt;
    }
    config_ = *config;
    if (!graph.inputs(0).shape_known()) {
      Lacks("columns by patterns; --input x=Bx... gives their number", v1::SEVERITY_ERROR);
      return std::nullopt;
    }
    Json job = Json::object();
    Append(job, "kind", "train");
    Append(job, "graph", Inline(graph));
    Append(job, "data", Data(graph.inputs(0).name()));
    const Json loss = Value("loss_fn", "MSELoss");
    Append(job, "loss", Json{{"type", loss}});
    // VisDL passes the rate alone on; the rest is as the optimizer has it.
    Append(job, "optimizer",
           Json{{"type", Value("optimizer", "Adam")}, {"lr", Value("lr", 0.001)}});
    if (loss == "CrossEntropyLoss") Append(job, "metrics", Json::array({"accuracy"}));
    Append(job, "epochs", Value("epochs", 10));
    const Json name = Value("export_name", "");
    if (name.is_string() && !name.get<std::string>().empty())
      Append(job, "labels", Json{{"export_name", name}});
    if (!Value("test_file_id", nullptr).is_null())
      Lacks("a file of its own to test with; it is left out", v1::SEVERITY_WARNING);
    if (failed_) return std::nullopt;
    return job;
  }

 private:
  void Lacks(const std::string& message, v1::Severity severity) {
    v1::Diagnostic& diagnostic = diagnostics_->emplace_back();
    diagnostic.set_severity(severity);
    diagnostic.set_code("UNSUPPORTED");
    diagnostic.set_message(fmt::format("a job cannot say this: {}", message));
    failed_ = failed_ || severity == v1::SEVERITY_ERROR;
  }

  Json Value(const char* key, const Json& otherwise) const {
    const auto it = config_.find(key);
    return it == config_.end() ? otherwise : *it;
  }

  static Json Inline(const v1::Graph& graph) {
    v1::Graph bare = graph;
    bare.clear_view();
    bare.mutable_extra()->mutable_fields()->erase(std::string(graph::kOrigin));
    for (v1::Node& node : *bare.mutable_nodes())
      node.mutable_extra()->mutable_fields()->erase(std::string(graph::kOrigin));
    return graph::ToJson(bare);
  }

  Json Columns(const char* key, std::string_view otherwise) const {
    const Json text = Value(key, std::string(otherwise));
    Json columns = Json::array();
    if (!text.is_string()) return text;
    const std::string list = text.get<std::string>();
    for (const std::string_view column : SplitView(list, ',')) {
      const std::string_view name = TrimView(column);
      if (!name.empty()) columns.push_back(std::string(name));
    }
    return columns;
  }

  Json Data(const std::string& input) {
    Json data = Json::object();
    Append(data, "csv", Value("file_id", ""));
    Append(data, "inputs", Json{{input, Columns("input_columns", "x1,x2")}});
    const Json targets = Columns("target_columns", "target");
    const bool pattern = targets.is_array() && targets.size() == 1 && targets[0].is_string() &&
                         targets[0].get<std::string>().find_first_of("*?[") != std::string::npos;
    if (!targets.is_array() || targets.size() != 1 || pattern)
      Lacks("another number of targets than one column by its name", v1::SEVERITY_ERROR);
    Append(data, "target", targets.is_array() && !targets.empty() ? targets[0] : targets);
    Append(data, "split", Json{{"validation", Value("val_ratio", 0.2)}});
    Append(data, "batch_size", Value("batch_size", 32));
    Append(data, "shuffle", Value("shuffle", true));
    return data;
  }

  std::vector<v1::Diagnostic>* diagnostics_;
  Json config_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::string> WriteJob(const v1::Graph& graph, const compiler::CompileResult*,
                                    std::vector<v1::Diagnostic>* diagnostics) {
  const auto job = JobWriter(diagnostics).Run(graph);
  if (!job) return std::nullopt;
  return graph::YamlText(*job, kRows);
}

}  // namespace graphkiln::formats::visdl
