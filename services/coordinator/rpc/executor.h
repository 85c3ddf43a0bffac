// Threads of our own for work that may block: SQL reads, files, compiling.
//
// Reaction threads are two on a small machine, so a handler that blocks would stall the whole
// process; it comes here instead. New requests are bounded (TryPost), the continuations of admitted
// ones are not (Post): they are bounded by the number of open calls. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace graphkiln::coordinator {

class Executor {
 public:
  using Task = std::function<void()>;

  Executor(int threads, size_t max_waiting);
  /// Stop().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// False when `max_waiting` tasks wait already, or after Stop.
  bool TryPost(Task task);
  /// For continuations of admitted calls. After Stop the task is dropped.
  void Post(Task task);
  /// Runs what waits, then joins the threads. Idempotent; not from a task.
  void Stop();
  size_t waiting() const;

 private:
  void Run();

  const size_t max_waiting_;
  mutable std::mutex mu_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;  // guarded by mu_
  bool stopping_ = false;   // guarded by mu_
  std::vector<std::thread> threads_;
};

}  // namespace graphkiln::coordinator
