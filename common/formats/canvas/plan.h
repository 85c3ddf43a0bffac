// Plans the compile modes of a canvas program: which regions learn, which are frozen, and which
// leave the active set; connections with an end that left are dropped. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/formats/canvas/program.h"

namespace graphkiln::formats::canvas {

struct Plan {
  // Sorted by name. Active: all but constant and exported.
  std::vector<std::string> frozen, constant, exported, runtime, active;
  std::vector<std::pair<std::string, std::string>> connections;  // (src, dst) in their order
  size_t eliminated = 0;                                         // regions that left
};

Plan MakePlan(const Program& program);

/// The program that is left: the same geometry, the active regions, what is said about them.
/// Nothing eliminated: the program itself. Without a connection there is no topology.
Program Reduced(const Program& program, const Plan& plan);

}  // namespace graphkiln::formats::canvas
