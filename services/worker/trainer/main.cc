// kiln-trainer: trains models for the worker daemon and `kiln run`, on a socket that it inherits.
// Not for people.
//
//   kiln-trainer --parent    the warm parent: forks a trainer per request
//   kiln-trainer --single    serves one job, then exits
//   kiln-trainer --devices   prints the CUDA devices as one line of JSON
//
// The socket is file descriptor KILN_SOCKET_FD, 3 where that is not set.
#include <signal.h>
#include <sys/prctl.h>
#include <torch/headeronly/version.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/signals.h"
#include "services/worker/launch/fd.h"
#include "services/worker/trainer/cuda_devices.h"
#include "services/worker/trainer/parent.h"
#include "services/worker/trainer/process.h"
#include "services/worker/trainer/session.h"

namespace {

constexpr int kDefaultSocket = 3;

int SocketNumber() {
  const char* text = std::getenv("KILN_SOCKET_FD");
  if (text == nullptr) return kDefaultSocket;
  const int number = std::atoi(text);
  return number > 0 ? number : kDefaultSocket;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains models for kiln-worker and kiln run, on an inherited socket.");
  bool parent = false;
  bool single = false;
  bool devices = false;
  app.add_flag("--parent", parent, "warm parent that forks a trainer per request");
  app.add_flag("--single", single, "serve one job, then exit");
  app.add_flag("--devices", devices, "print the CUDA devices as JSON");
  app.set_version_flag("--version", std::string("kiln-trainer, LibTorch ") + TORCH_VERSION);
  CLI11_PARSE(app, argc, argv);
  if (int{parent} + int{single} + int{devices} != 1) {
    std::fputs("kiln-trainer: give one of --parent, --single and --devices\n", stderr);
    return 2;
  }
  const char* level = std::getenv("KILN_LOG_LEVEL");
  graphkiln::InitLogging("kiln-trainer",
                         graphkiln::LogLevelFromName(level == nullptr ? "info" : level));
  if (devices) {
    std::puts(graphkiln::trainer::DevicesJson(graphkiln::trainer::ListCudaDevices()).c_str());
    std::fflush(nullptr);
    std::_Exit(0);
  }
  ::signal(SIGPIPE, SIG_IGN);
  graphkiln::IgnoreFileSizeSignal();
  // The launcher has set the parent-death signal; loading LibTorch took a while, in which it may
  // have died.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  graphkiln::worker::Fd socket(SocketNumber());
  if (parent) return graphkiln::trainer::RunParent(std::move(socket), graphkiln::SystemClock());
  graphkiln::trainer::OfferToOomKiller();
  const int code = graphkiln::trainer::ServeSession(std::move(socket), graphkiln::SystemClock());
  std::fflush(nullptr);
  std::_Exit(code);  // LibTorch's destructors take 50 ms and free nothing that the system would not
}
