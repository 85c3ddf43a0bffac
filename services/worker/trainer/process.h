// What a trainer process sets up for itself: threads, numerics, its end with its parent, its place
// in the out-of-memory killer's order. Called once, early, on the main thread.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace graphkiln::trainer {

/// Asks the kernel to kill this process when its parent dies, and ends it at once where `parent` is
/// already gone.
void DieWithParent(pid_t parent);

/// Makes the out-of-memory killer prefer this process to the daemon.
void OfferToOomKiller();

/// `threads` computing threads, denormals flushed to zero in each of them.
void SetComputeThreads(int threads);

/// All of LibTorch's generators from this seed.
void SeedGenerators(uint64_t seed);

/// Runs a small forward, backward and optimizer step of the usual layers, so that code, allocator
/// and kernels are ready (and, after a fork, shared). Single-threaded.
void WarmUp();

}  // namespace graphkiln::trainer
