#include "clients/cli/app.h"

#include <cstdio>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "clients/cli/exit_code.h"
#include "common/base/log.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

// Words that users bring from other tools.
constexpr std::pair<std::string_view, std::string_view> kHabits[] = {
    {"status", "describe job NAME"},
    {"queue", "get jobs"},
    {"list", "get jobs"},
    {"ls", "get jobs"},
    {"ps", "get jobs"},
    {"jobs", "get jobs"},
    {"workers", "get workers"},
    {"nodes", "explain"},
    {"view", "summary"},
    {"show", "describe job NAME"},
    {"train", "submit -f JOB.yaml"},
    {"apply", "submit -f JOB.yaml"},
    {"create", "submit -f JOB.yaml"},
    {"delete", "cancel"},
    {"kill", "cancel"},
    {"check", "validate"},
    {"lint", "validate"},
    {"compile", "codegen"},
    {"generate", "codegen"},
    {"upload", "cp"},
    {"download", "cp"},
    {"follow", "watch"},
    {"events", "watch"},
    {"start", "serve"},
    {"server", "serve"},
    {"forward", "run"},
    {"predict", "run"},
    {"help", "--help"},
};

// CLI11 takes the nearest number that fits for one that does not.
std::string CheckWhole(const std::string& text, bool is_unsigned) {
  int64_t number = 0;
  uint64_t large = 0;
  if (is_unsigned ? absl::SimpleAtoi(text, &large) && text.find('-') == text.npos
                  : absl::SimpleAtoi(text, &number)) {
    return "";
  }
  return fmt::format("{} is not a whole number in range", QuoteForMessage(text));
}

void AddArgument(const Argument& argument, CLI::App* app) {
  CLI::Option* option = std::visit(
      [&](auto* target) -> CLI::Option* {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, bool>) {
          return app->add_flag(argument.names, *target, argument.doc);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          auto* list = app->add_option(argument.names, *target, argument.doc);
          // An option takes one value each time, so that `--set a=1 FILE` leaves FILE alone.
          if (!argument.positional()) list->expected(1)->take_all();
          return list;
        } else if constexpr (std::is_same_v<T, std::string>) {
          return app->add_option(argument.names, *target, argument.doc);
        } else {
          return app->add_option(argument.names, *target, argument.doc)
              ->check([](const std::string& text) {
                return CheckWhole(text, std::is_same_v<T, uint64_t>);
              });
        }
      },
      argument.target);
  if (!argument.value_name.empty()) option->type_name(argument.value_name);
  if (argument.value_name == "PATH" || argument.value_name == "DIR") {
    // An unset variable of a shell is no wish to write where nothing was said.
    option->check([](const std::string& text) { return text.empty() ? "an empty path" : ""; });
  }
  if (argument.required) option->required();
  if (!argument.choices.empty()) {
    option->check(CLI::IsMember(argument.choices));
    std::string names;
    for (const std::string& choice : argument.choices) {
      names += (names.empty() ? "" : "|") + choice;
    }
    option->type_name(names);
  }
}

std::vector<std::string> FlagsOf(const Arguments& arguments) {
  std::vector<std::string> flags;
  for (const Argument& argument : arguments.list()) {
    if (argument.positional()) continue;
    for (const std::string_view name : SplitView(argument.names, ',')) flags.emplace_back(name);
  }
  return flags;
}

class App {
 public:
  App()
      : commands_(AllCommands()),
        app_("GraphKiln: design, check, generate and train neural networks", "kiln") {
    app_.set_help_flag("-h,--help", "Show this help");
    app_.set_version_flag("--version", "kiln " KILN_VERSION, "Show the version");
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.get_formatter()->column_width(34);
    globals_ = GlobalArguments(&context_);
    for (const Argument& argument : globals_.list()) AddArgument(argument, &app_);
    for (const auto& command : commands_) {
      CLI::App* sub =
          app_.add_subcommand(std::string(command->name()), std::string(command->summary()));
      Arguments arguments;
      command->Declare(&arguments);
      for (const Argument& argument : arguments.list()) AddArgument(argument, sub);
      arguments_.push_back(std::move(arguments));
      apps_.push_back(sub);
    }
  }

  int Run(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help
      return app_.exit(success, std::cout, std::cerr);
    } catch (const CLI::ParseError& error) {
      context_.UseEnvironment();
      return WrongUsage(error);
    }
    context_.UseEnvironment();
    InitLogging("kiln", context_.verbose ? LogLevel::kDebug : LogLevel::kWarn);
    for (size_t i = 0; i < apps_.size(); ++i) {
      if (apps_[i]->parsed()) return context_.Exit(commands_[i]->Run(context_));
    }
    return kUsage;
  }

 private:
  int WrongUsage(const CLI::ParseError& error) {
    size_t chosen = apps_.size();
    for (size_t i = 0; i < apps_.size(); ++i) {
      if (apps_[i]->parsed()) chosen = i;
    }
    std::vector<std::string> extras = app_.remaining(/*recurse=*/true);
    std::string message = error.what();
    std::string hint;
    const std::string word = extras.empty() ? "" : extras.front();
    if (word.starts_with("-")) {
      message = fmt::format("unknown flag {}", QuoteForMessage(word));
      std::vector<std::string> flags = FlagsOf(globals_);
      if (chosen < apps_.size()) {
        for (std::string& flag : FlagsOf(arguments_[chosen])) flags.push_back(std::move(flag));
      }
      if (const auto near = NearestName(word.substr(0, word.find('=')), flags)) hint = *near;
    } else if (chosen == apps_.size() && !word.empty()) {
      message = fmt::format("unknown command {}", QuoteForMessage(word));
      std::vector<std::string> names;
      for (const auto& command : commands_) names.emplace_back(command->name());
      if (const std::string near = SuggestCommand(word, names); !near.empty())
        hint = "kiln " + near;
    } else if (!word.empty()) {
      message = fmt::format("unexpected argument {}", QuoteForMessage(word));
    } else if (chosen == apps_.size()) {
      message = "no command given";
    }
    const int exit_code = context_.Fail(kUsage, "USAGE", message);
    if (!hint.empty()) fmt::print(stderr, "  did you mean {}?\n", hint);
    fmt::print(stderr, "  see kiln {}--help\n",
               chosen < apps_.size() ? std::string(commands_[chosen]->name()) + " " : "");
    return exit_code;
  }

  Context context_;
  std::vector<std::unique_ptr<Command>> commands_;
  std::vector<Arguments> arguments_;
  std::vector<CLI::App*> apps_;
  Arguments globals_;
  CLI::App app_;
};

}  // namespace

Arguments GlobalArguments(Context* context) {
  Arguments arguments;
  arguments.Add("-o,--output", &context->format_name, "Form of the output").choices = {
      "text", "json", "yaml", "name"};
  arguments
      .Add("--endpoint", &context->endpoint,
           "The coordinator; else $KILN_ENDPOINT, else 127.0.0.1:50051")
      .value_name = "HOST:PORT";
  arguments.Add("--token", &context->token, "Access token; else $KILN_TOKEN").value_name = "TOKEN";
  arguments.Add("--ca", &context->ca, "Certificate authority, switches TLS on; else $KILN_CA")
      .value_name = "PATH";
  arguments.Add("--no-color", &context->no_color, "No colours; also $NO_COLOR");
  arguments.Add("-q,--quiet", &context->quiet, "No notices and no progress");
  arguments.Add("-v,--verbose", &context->verbose, "Say more on stderr");
  return arguments;
}

std::string SuggestCommand(std::string_view word, const std::vector<std::string>& commands) {
  for (const auto& [habit, command] : kHabits) {
    if (habit == word) return std::string(command);
  }
  return NearestName(word, commands).value_or("");
}

int RunKiln(int argc, const char* const* argv) {
  try {
    return App().Run(argc, argv);
  } catch (const std::exception& error) {  // CLI11 and the standard library; ours returns statuses
    fmt::print(stderr, "error: {}\n", error.what());
    return kFailure;
  }
}

}  // namespace graphkiln::cli
