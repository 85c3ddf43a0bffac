// The program `kiln`.
#include "clients/cli/app.h"

int main(int argc, char** argv) { return graphkiln::cli::RunKiln(argc, argv); }
