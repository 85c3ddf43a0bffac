#include "clients/cli/graph_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/formats/canvas/reader.h"
#include "common/formats/formats.h"
#include "common/formats/tell.h"
#include "common/graph/text.h"
#include "common/ir/types.h"
#include "common/ir/verify.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"

namespace graphkiln::cli {
namespace {

constexpr uint64_t kMaxGraphBytes = 64ull << 20;
constexpr size_t kMaxRank = 64;

// `forced`: by --from, whatever the file holds.
void RefuseFormat(std::string_view format, bool forced, GraphFile* source) {
  v1::Diagnostic& diagnostic = source->diagnostics.emplace_back();
  diagnostic.set_severity(v1::SEVERITY_ERROR);
  diagnostic.set_code("UNSUPPORTED");
  diagnostic.set_message(
      forced
          ? fmt::format("this version does not read the format {}", format)
          : fmt::format("this looks like the format {}, which this version does not read", format));
  diagnostic.set_file(source->file);
  diagnostic.set_line(1);
  diagnostic.set_column(1);
  diagnostic.set_expected("a native graph (*.kiln.yaml or *.kiln.json)");
  if (!forced) diagnostic.set_found(std::string(format));
}

// A program of operators, checked like all that comes from outside.
void ReadProgramOfOperators(std::string_view bytes, GraphFile* source) {
  const auto refuse = [&](std::string_view why) {
    v1::Diagnostic& diagnostic = source->diagnostics.emplace_back();
    diagnostic.set_severity(v1::SEVERITY_ERROR);
    diagnostic.set_code("SYNTAX");
    diagnostic.set_message(fmt::format("this is no program of operators: {}", why));
    diagnostic.set_file(source->file);
  };
  v1::IrModule proto;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(bytes.data(), bytes.size()), &proto);
  if (!parsed.ok()) return refuse(parsed.ToString());
  auto module = ir::FromProto(proto);
  if (!module.ok()) return refuse(MessageOf(module.status()));
  if (const absl::Status verified = ir::Verify(*module); !verified.ok())
    return refuse(MessageOf(verified));
  source->program = std::make_shared<const ir::Module>(*std::move(module));
}

// What was read is no graph: said by the commands that need one.
void RefuseOther(GraphFile* source) {
  if (source->canvas == std::nullopt && source->program == nullptr) return;
  v1::Diagnostic& diagnostic = source->diagnostics.emplace_back();
  diagnostic.set_severity(v1::SEVERITY_ERROR);
  diagnostic.set_code("UNSUPPORTED");
  diagnostic.set_file(source->file);
  diagnostic.set_message(source->canvas
                             ? "a canvas program has no layers that could run; `kiln plan` plans it"
                             : "a program of operators has no nodes any more; `kiln run` runs it");
  diagnostic.set_expected("a graph");
  diagnostic.set_found(source->canvas ? "a canvas program" : "a program of operators");
}

// A job is the other kind of file at hand; its reader's dozen complaints would hide the slip.
bool LooksLikeJob(const TextNode& root) {
  return root.IsMap() && root.Find("nodes") == nullptr &&
         (root.Find("graph") != nullptr || root.Find("kind") != nullptr);
}

void RefuseJob(GraphFile* source) {
  v1::Diagnostic& diagnostic = source->diagnostics.emplace_back();
  diagnostic.set_severity(v1::SEVERITY_ERROR);
  diagnostic.set_code("SYNTAX");
  diagnostic.set_message("this is a job, not a graph; `kiln submit --dry-run -f FILE` checks jobs");
  diagnostic.set_file(source->file);
  diagnostic.set_line(1);
  diagnostic.set_column(1);
  diagnostic.set_expected("a graph: inputs, nodes, outputs");
  diagnostic.set_found("a job");
}

absl::Status UsageError(std::string message) { return absl::OutOfRangeError(std::move(message)); }

// `--input` gives shapes to formats that have none, and replaces those of the others.
absl::Status ApplyInputs(const GraphFlags& flags, GraphFile* source) {
  v1::Graph& graph = source->graph;
  for (const std::string& text : flags.inputs) {
    ASSIGN_OR_RETURN(InputFlag flag, ParseInputFlag(text));
    if (flag.name.empty()) {
      if (graph.inputs_size() != 1) {
        return UsageError(fmt::format("--input {}: the graph has {} inputs; say NAME=DIMS", text,
                                      graph.inputs_size()));
      }
      flag.name = graph.inputs(0).name();
    }
    std::vector<std::string> names;
    bool found = false;
    for (v1::GraphInput& input : *graph.mutable_inputs()) {
      names.push_back(input.name());
      if (input.name() != flag.name) continue;
      const v1::DataType declared = input.spec().dtype();
      *input.mutable_spec() = flag.spec;
      if (flag.spec.dtype() == v1::DATA_TYPE_UNSPECIFIED) input.mutable_spec()->set_dtype(declared);
      input.set_shape_known(true);
      found = true;
    }
    if (found) continue;
    const auto near = NearestName(flag.name, names);
    return UsageError(fmt::format("--input: the graph has no input {}{}",
                                  QuoteForMessage(flag.name),
                                  near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  return absl::OkStatus();
}

// What the compiler finds where the reader has found an error already follows from that. Readers of
// foreign formats check all names themselves.
void AddNew(const std::vector<v1::Diagnostic>& found, bool native,
            std::vector<v1::Diagnostic>* diagnostics) {
  absl::flat_hash_set<std::pair<int, int>> places;
  for (const v1::Diagnostic& d : *diagnostics) {
    if (d.severity() == v1::SEVERITY_ERROR) places.emplace(d.line(), d.column());
  }
  const bool faulty = !places.empty();
  for (const v1::Diagnostic& d : found) {
    const bool of_names = d.code() == "UNKNOWN_REFERENCE" || d.code() == "UNKNOWN_TYPE" ||
                          d.code() == "MISSING_INPUT";
    const bool follows = !native && faulty &&
                         (of_names || (d.line() > 0 && places.contains({d.line(), d.column()})));
    if (d.severity() != v1::SEVERITY_ERROR || !follows) diagnostics->push_back(d);
  }
}

absl::StatusOr<GraphFile> Finish(absl::StatusOr<v1::Graph> graph, const GraphFlags& flags,
                                 GraphFile source) {
  if (!graph.ok()) {
    if (!source.diagnostics.empty()) return source;
    v1::Diagnostic& diagnostic = source.diagnostics.emplace_back();
    diagnostic.set_severity(v1::SEVERITY_ERROR);
    diagnostic.set_code("SYNTAX");
    diagnostic.set_message(std::string(MessageOf(graph.status())));
    diagnostic.set_file(source.file);
    return source;
  }
  source.graph = *std::move(graph);
  source.readable = true;
  RETURN_IF_ERROR(ApplyInputs(flags, &source));
  return source;
}

}  // namespace

void GraphFlags::Declare(Arguments* arguments) {
  Argument& format =
      arguments->Add("--from", &from, "Format of the file; else told by its content");
  for (const std::string_view name : formats::FormatNames()) format.choices.emplace_back(name);
  arguments->Add("--input", &inputs, "Shape of an input, such as x=4x3x32x32:float32; repeatable")
      .value_name = "NAME=DIMS[:DTYPE]";
}

absl::StatusOr<InputFlag> ParseInputFlag(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return UsageError(
        fmt::format("--input takes NAME=DIMS[:DTYPE] such as x=4x3x32x32:float32, not {}: {}",
                    QuoteForMessage(text), why));
  };
  InputFlag flag;
  std::string_view rest = text;
  if (const size_t equals = rest.find('='); equals != std::string_view::npos) {
    if (equals == 0) return refuse("the name is empty");
    flag.name = std::string(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
  }
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    const v1::DataType dtype = ir::ParseDType(rest.substr(colon + 1));
    if (dtype == v1::DATA_TYPE_UNSPECIFIED) return refuse("there is no such element type");
    flag.spec.set_dtype(dtype);
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return flag;  // a scalar
  for (const std::string_view part : SplitView(rest, 'x')) {
    const auto dim = ir::Dim::Parse(std::string(part));
    if (part.empty() || !dim.ok()) return refuse("a size is a number or a symbol");
    if (flag.spec.shape_size() == static_cast<int>(kMaxRank)) return refuse("too many sizes");
    if (dim->IsConst()) {
      if (dim->value() < 0) return refuse("a size is 0 or more");
      flag.spec.add_shape()->set_size(dim->value());
    } else {
      flag.spec.add_shape()->set_symbol(dim->ToString());
    }
  }
  return flag;
}

absl::StatusOr<GraphFile> ReadGraphBytes(std::string_view bytes, const std::string& file,
                                         const GraphFlags& flags) {
  GraphFile source;
  source.file = file == "-" ? "<stdin>" : file;
  std::string_view format = flags.from;
  if (format.empty()) format = formats::TellBinary(bytes);
  const auto foreign = [&] {
    const formats::GraphFormat* found = formats::FindGraphFormat(format);
    return found == nullptr || found->read == nullptr ? nullptr : found;
  };
  const bool other = format == "canvas" || format == "ir" || foreign() != nullptr;
  if (format.empty() || format == "native" || other) {
    auto root = ReadText(bytes, TextLimits(), nullptr);
    if (!root.ok()) {  // read again for its located diagnostics
      auto graph = graph::ReadGraph(bytes, source.file, &source.positions, &source.diagnostics);
      return Finish(std::move(graph), flags, std::move(source));
    }
    if (format.empty()) format = formats::TellText(*root);
    if (format == "canvas") {
      source.canvas = formats::canvas::ReadProgram(*root, source.file, &source.diagnostics);
      return source;
    }
    if (format == "ir") {
      ReadProgramOfOperators(bytes, &source);
      return source;
    }
    source.format = format.empty() ? "native" : format;
    if (const formats::GraphFormat* found = foreign()) {
      v1::Graph graph = found->read(*root, source.file, &source.positions, &source.diagnostics);
      return Finish(std::move(graph), flags, std::move(source));
    }
    if (format.empty() && LooksLikeJob(*root)) {
      RefuseJob(&source);
      return source;
    }
    if (format.empty() || format == "native") {
      auto graph = graph::ReadGraph(*root, source.file, &source.positions, &source.diagnostics);
      return Finish(std::move(graph), flags, std::move(source));
    }
  }
  RefuseFormat(format, !flags.from.empty(), &source);
  return source;
}

absl::StatusOr<GraphFile> ReadGraphFile(const std::string& file, const GraphFlags& flags) {
  ASSIGN_OR_RETURN(const std::string bytes,
                   file == "-" ? ReadStdin(kMaxGraphBytes) : ReadFile(file, kMaxGraphBytes));
  return ReadGraphBytes(bytes, file, flags);
}

absl::StatusOr<GraphFile> ReadGraphNode(const TextNode& node, const std::string& file) {
  GraphFile source;
  source.file = file == "-" ? "<stdin>" : file;
  auto graph = graph::ReadGraph(node, source.file, &source.positions, &source.diagnostics);
  return Finish(std::move(graph), GraphFlags(), std::move(source));
}

absl::Status CheckOutput(const std::string& out, const std::vector<std::string>& inputs) {
  if (out == "-") return UsageError("this output needs a file; stdout cannot be one");
  for (const std::string& input : inputs) {
    std::error_code ignored;  // either is not there, so they are not one file
    if (std::filesystem::equivalent(out, input, ignored))
      return UsageError(fmt::format("{} is an input; choose another place to write to", out));
  }
  return absl::OkStatus();
}

CompiledFile CompileGraph(GraphFile source) {
  CompiledFile compiled;
  RefuseOther(&source);
  compiled.diagnostics = source.diagnostics;
  bool errors = false;
  for (const v1::Diagnostic& d : source.diagnostics) errors |= d.severity() == v1::SEVERITY_ERROR;
  if (source.readable) {
    compiler::CompileOptions options;
    options.positions = &source.positions;
    compiled.result = compiler::Compile(source.graph, options);
    AddNew(compiled.result.diagnostics, source.format == "native", &compiled.diagnostics);
  }
  compiled.ok = source.readable && !errors && compiled.result.ok;
  compiled.source = std::move(source);
  return compiled;
}

absl::StatusOr<CompiledFile> CompileGraphFile(const std::string& file, const GraphFlags& flags) {
  ASSIGN_OR_RETURN(GraphFile source, ReadGraphFile(file, flags));
  return CompileGraph(std::move(source));
}

}  // namespace graphkiln::cli
