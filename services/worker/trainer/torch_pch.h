// Precompiled once for services/worker/trainer: the torch headers that nearly every file there
// wants. <torch/torch.h> is left out on purpose, it more than doubles the time and nothing needs
// it.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include "cmake/pch/common.h"
