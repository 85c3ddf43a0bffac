// Where the files that ship with GraphKiln (templates/models, templates/blocks, ...) are found.
#pragma once

#include <string>

namespace graphkiln {

/// The directory that holds `templates/`: $KILN_RESOURCES, else `../share/graphkiln` beside the
/// program's directory if it is there, else the source tree this was built from. Any thread.
std::string ResourceDir();

/// ResourceDir() + "/templates".
std::string TemplatesDir();

/// The directory of the running program.
std::string ExecutableDir();

}  // namespace graphkiln
