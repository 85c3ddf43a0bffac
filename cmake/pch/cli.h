// Precompiled once for the command line: its option parser, JSON and the clients' stubs cost each
// file seven seconds otherwise.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmake/pch/common.h"
