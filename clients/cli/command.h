// A command of `kiln`: its name, what it takes, and what it does.
//
// A command declares its flags as data (Arguments); the parser (app.cc), `--help`, suggestions for
// typos and the shell completions derive from that. Commands run on the main thread, one per
// process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "clients/cli/context.h"

namespace graphkiln::cli {

/// Where an argument goes; the target outlives the parse.
using ArgumentTarget = std::variant<bool*, int*, std::optional<int64_t>*, uint64_t*, std::string*,
                                    std::vector<std::string>*>;

struct Argument {
  std::string names;  // "-f,--file", or "FILE" for a positional one
  ArgumentTarget target;
  std::string doc;
  std::string value_name;            // shown behind an option: PATH, N, ...
  std::vector<std::string> choices;  // legal values; also completed by shells
  bool required = false;

  bool positional() const { return names[0] != '-'; }
  bool is_flag() const { return std::holds_alternative<bool*>(target); }
};

class Arguments {
 public:
  Argument& Add(std::string names, ArgumentTarget target, std::string doc) {
    return list_.emplace_back(
        Argument{std::move(names), target, std::move(doc), /*value_name=*/"", {}, false});
  }
  const std::vector<Argument>& list() const { return list_; }

 private:
  std::vector<Argument> list_;
};

class Command {
 public:
  virtual ~Command() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view summary() const = 0;
  /// Declares the arguments, bound to members. Called once.
  virtual void Declare(Arguments* arguments) = 0;
  /// Returns the exit code.
  virtual int Run(Context& context) = 0;
};

/// All commands, in the order of the help. Made anew by each call.
std::vector<std::unique_ptr<Command>> AllCommands();

}  // namespace graphkiln::cli
