#include "services/worker/trainer/process.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

constexpr std::string_view kOomScore = "500";

void TrainOnce() {
  const at::Tensor image = at::randn({4, 1, 8, 8});
  const at::Tensor target = at::zeros({4}, at::kLong);
  std::vector<at::Tensor> parameters = {
      at::randn({2, 1, 3, 3}), at::zeros({2}),     at::ones({2}),
      at::zeros({2}),          at::randn({3, 32}), at::zeros({3}),
  };
  for (at::Tensor& parameter : parameters) parameter.requires_grad_(true);
  at::Tensor mean = at::zeros({2});
  at::Tensor variance = at::ones({2});
  at::Tensor x = at::conv2d(image, parameters[0], parameters[1], 1, 1);
  x = at::batch_norm(x, parameters[2], parameters[3], mean, variance, true, 0.1, 1e-5, false);
  x = at::max_pool2d(x.relu(), {2, 2});
  x = at::dropout(at::gelu(x.flatten(1)), 0.1, true);
  x = at::linear(x, parameters[4], parameters[5]);
  const at::Tensor loss = at::cross_entropy_loss(x, target) + at::mse_loss(x, at::zeros_like(x));
  loss.backward();
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> first;
  std::vector<at::Tensor> second;
  std::vector<at::Tensor> values;
  for (const at::Tensor& parameter : parameters) {
    values.push_back(parameter.detach());
    gradients.push_back(parameter.grad());
    first.push_back(at::zeros_like(parameter));
    second.push_back(at::zeros_like(parameter));
  }
  const std::vector<at::Tensor> steps(values.size(), at::ones({}));
  at::_fused_adam_(values, gradients, first, second, {}, steps, 1e-3, 0.9, 0.999, 0, 1e-8, false,
                   false);
}

}  // namespace

void DieWithParent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the request was in force.
  if (::getppid() != parent) ::_exit(1);
}

void OfferToOomKiller() {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (::write(fd, kOomScore.data(), kOomScore.size()) < 0)
    KILN_DEBUG("oom_score_adj stays as it is");
  ::close(fd);
}

void SetComputeThreads(int threads) {
  threads = std::max(threads, 1);
  at::set_num_threads(threads);
  // The flag is a register of each thread. One index per thread makes each of the pool take one.
  at::globalContext().setFlushDenormal(true);
  if (threads > 1) {
    at::parallel_for(0, threads, 1,
                     [](int64_t, int64_t) { at::globalContext().setFlushDenormal(true); });
  }
}

void SeedGenerators(uint64_t seed) { at::manual_seed(seed); }

void WarmUp() {
  const absl::Status status = CatchTorch([] { return std::string_view("warming up"); },
                                         [] {
                                           TrainOnce();
                                           TrainOnce();
                                         });
  if (!status.ok()) KILN_WARN("{}", std::string(status.message()));
}

}  // namespace graphkiln::trainer
