// The JSON documents of `-o json`: released keys, so they only grow. Also the short texts that the
// human output is made of. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clients/cli/context.h"
#include "google/protobuf/timestamp.pb.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"
#include "graphkiln/v1/node_registry_service.pb.h"
#include "graphkiln/v1/system_service.pb.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::cli {

std::string_view SeverityName(v1::Severity severity);  // error, warning, hint
std::string_view StateName(v1::JobState state);        // QUEUED, ...
bool IsTerminal(v1::JobState state);

/// The id in `projects/default/jobs/ID`; other names as they are.
std::string ShortName(std::string_view name);
/// `file:line:column, node fc1, port input`; empty where nothing is known.
std::string WhereText(const v1::Diagnostic& diagnostic);
/// RFC 3339, or null where unset.
Json TimeJson(const google::protobuf::Timestamp& time);

Json ShapeJson(const v1::TensorSpec& spec);         // [B, 3] with symbols as strings
std::string ShapeText(const v1::TensorSpec& spec);  // float32[B, 3]
Json SpecJson(const v1::TensorSpec& spec);          // {"shape","dtype"}
Json NamedSpecJson(std::string_view key, const v1::NamedSpec& spec);

Json DiagnosticJson(const v1::Diagnostic& diagnostic);
Json DiagnosticsJson(const std::vector<v1::Diagnostic>& diagnostics);
Json EditJson(const v1::Edit& edit);
Json NodeTypesJson(const v1::NodeTypes& node);
Json SummaryJson(const v1::SummarizeResponse& summary);
// `with_content`: the texts, too, where they were not written to files.
Json FilesJson(std::string_view target, const std::vector<v1::GeneratedFile>& files,
               bool with_content);
Json NodeTypeJson(const v1::NodeType& type);

Json JobJson(const v1::Job& job);
Json EventJson(const v1::Event& event, std::string_view token);
std::string_view EventType(const v1::Event& event);
std::string WorkerStateText(const v1::Worker& worker);  // ACTIVE,CORDONED
Json WorkerJson(const v1::Worker& worker);

}  // namespace graphkiln::cli
