// kiln completion SHELL: a script made from the commands' own declarations.
#include "clients/cli/app.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "common/base/strings.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::cli {
namespace {

struct Words {
  std::string name;
  std::string summary;
  std::vector<std::string> flags;
  std::vector<std::pair<std::string, std::string>> flag_docs;
  std::vector<std::string> choices;  // of the first positional argument
};

void AddFlags(const Arguments& arguments, Words* words) {
  for (const Argument& argument : arguments.list()) {
    if (argument.positional()) {
      if (words->choices.empty()) words->choices = argument.choices;
      continue;
    }
    for (const std::string_view name : SplitView(argument.names, ',')) {
      words->flags.emplace_back(name);
      words->flag_docs.emplace_back(name, argument.doc);
    }
  }
}

std::vector<Words> CollectWords() {
  std::vector<Words> all;
  for (const auto& command : AllCommands()) {
    Words& words = all.emplace_back();
    words.name = std::string(command->name());
    words.summary = std::string(command->summary());
    Arguments arguments;
    command->Declare(&arguments);
    AddFlags(arguments, &words);
  }
  return all;
}

std::string ShellQuote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string Bash(const std::vector<Words>& commands, const Words& globals) {
  std::string names, cases;
  for (const Words& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    cases += fmt::format("    {}) flags=\"{}\"; words=\"{}\" ;;\n", command.name,
                         fmt::join(command.flags, " "), fmt::join(command.choices, " "));
  }
  return fmt::format(R"(# bash completion of kiln; load it with: source <(kiln completion bash)
_kiln() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" command="" flags="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in -*) ;; *) command="${{COMP_WORDS[i]}}"; break ;; esac
  done
  case "$command" in
    "") words="{}" ;;
{}  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags {}" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur") $(compgen -f -- "$cur"))
  fi
}}
complete -o filenames -F _kiln kiln
)",
                     names, cases, fmt::join(globals.flags, " "));
}

std::string Zsh(const std::vector<Words>& commands, const Words& globals) {
  std::string names, cases;
  for (const Words& command : commands) {
    std::string summary = command.summary;
    names += fmt::format("    {}\n", ShellQuote(command.name + ":" + summary));
    cases += fmt::format("    {}) compadd -- {} {}; _files ;;\n", command.name,
                         fmt::join(command.flags, " "), fmt::join(command.choices, " "));
  }
  return fmt::format(R"(#compdef kiln
# zsh completion of kiln; load it with: source <(kiln completion zsh)
_kiln() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  compadd -- {}
  case "${{words[2]}}" in
{}  esac
}}
compdef _kiln kiln
)",
                     names, fmt::join(globals.flags, " "), cases);
}

std::string FishFlag(std::string_view condition, std::string_view flag, std::string_view doc) {
  const bool wide = flag.starts_with("--");
  return fmt::format("complete -c kiln {}{} {} -d {}\n",
                     condition.empty() ? "" : fmt::format("-n {} ", ShellQuote(condition)),
                     wide ? "-l" : "-s", flag.substr(wide ? 2 : 1), ShellQuote(doc));
}

std::string Fish(const std::vector<Words>& commands, const Words& globals) {
  std::string text = "# fish completion of kiln; load it with: kiln completion fish | source\n";
  for (const auto& [flag, doc] : globals.flag_docs) text += FishFlag("", flag, doc);
  for (const Words& command : commands) {
    text += fmt::format("complete -c kiln -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        ShellQuote(command.summary));
    const std::string condition = "__fish_seen_subcommand_from " + command.name;
    for (const auto& [flag, doc] : command.flag_docs) text += FishFlag(condition, flag, doc);
    if (!command.choices.empty()) {
      text += fmt::format("complete -c kiln -n {} -a {}\n", ShellQuote(condition),
                          ShellQuote(fmt::format("{}", fmt::join(command.choices, " "))));
    }
  }
  return text;
}

class Completion : public Command {
 public:
  std::string_view name() const override { return "completion"; }
  std::string_view summary() const override { return "Print a completion script for a shell"; }
  void Declare(Arguments* arguments) override {
    Argument& shell = arguments->Add("SHELL", &shell_, "Which shell");
    shell.required = true;
    shell.choices = {"bash", "zsh", "fish"};
  }

  int Run(Context& context) override {
    const std::vector<Words> commands = CollectWords();
    Words globals;
    Context scratch;
    AddFlags(GlobalArguments(&scratch), &globals);
    const std::string script = shell_ == "bash"  ? Bash(commands, globals)
                               : shell_ == "zsh" ? Zsh(commands, globals)
                                                 : Fish(commands, globals);
    if (context.json()) {
      context.PrintLine({{"shell", shell_}, {"script", script}});
    } else {
      context.Print(script);
    }
    return kOk;
  }

 private:
  std::string shell_;
};

}  // namespace

void AddCompletion(CommandList* commands) { commands->push_back(std::make_unique<Completion>()); }

}  // namespace graphkiln::cli
