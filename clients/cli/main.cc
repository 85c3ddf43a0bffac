// The program `kiln`.
#include "clients/cli/app.h"
#include "common/base/signals.h"

int main(int argc, char** argv) {
  graphkiln::IgnoreFileSizeSignal();
  return graphkiln::cli::RunKiln(argc, argv);
}
