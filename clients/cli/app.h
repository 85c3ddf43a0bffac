// The command line: parses it by CLI11, suggests the right word for a wrong one, runs the command.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clients/cli/command.h"

namespace graphkiln::cli {

/// Runs `kiln ARGS...` and returns its exit code. No exception leaves it.
int RunKiln(int argc, const char* const* argv);

/// The flags that every command takes, bound to `context`.
Arguments GlobalArguments(Context* context);

/// What the user probably meant by an unknown command; empty where nothing is near.
std::string SuggestCommand(std::string_view word, const std::vector<std::string>& commands);

}  // namespace graphkiln::cli
