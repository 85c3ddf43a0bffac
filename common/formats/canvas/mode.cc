#include "common/formats/canvas/mode.h"

namespace graphkiln::formats::canvas {
namespace {

Mode FamilyDefault(std::string_view family) {
  if (family == "observation" || family == "residual" || family == "action") return Mode::kFreeze;
  if (family == "memory") return Mode::kExport;
  return Mode::kRuntime;
}

}  // namespace

std::optional<Mode> ParseMode(std::string_view text) {
  if (text == "runtime") return Mode::kRuntime;
  if (text == "freeze") return Mode::kFreeze;
  if (text == "constant") return Mode::kConstant;
  if (text == "export") return Mode::kExport;
  return std::nullopt;
}

Mode EffectiveMode(const RegionProgram& program) {
  if (program.compile_mode != "runtime")
    return ParseMode(program.compile_mode).value_or(Mode::kRuntime);
  if (program.learning) return ParseMode(program.learning->compile_mode).value_or(Mode::kRuntime);
  return FamilyDefault(program.family);
}

}  // namespace graphkiln::formats::canvas
