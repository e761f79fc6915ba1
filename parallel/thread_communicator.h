// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/job_queue.h"
#include "parallel/thread_rendezvous.h"

namespace bertyard {

// What the communicators of one ThreadGroup share.
struct ThreadExchange {
  // One rank's part in a collective.
  struct Post {
    std::string call;  // "all_reduce_sum f32 [12]": must be equal on all ranks
    const void* in = nullptr;
    void* out = nullptr;
  };
  explicit ThreadExchange(int size) : rendezvous(size), posts(static_cast<std::size_t>(size)) {}
  ThreadRendezvous rendezvous;
  std::vector<Post> posts;
};

// One rank of a ThreadGroup; a thread of its own reads and writes the other ranks' memory directly.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(int rank, int size, ThreadExchange& exchange)
      : Communicator(rank, size), exchange_(exchange) {}
  std::string_view name() const override { return "threads"; }

 private:
  Pending start_all_reduce_sum(TensorView values) override;
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override;
  Pending start_all_gather(ConstTensorView in, TensorView out) override;
  Pending start_all_to_all(ConstTensorView in, TensorView out) override;
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_broadcast(TensorView values, int root) override;
  Pending start_barrier() override;

  // Runs `work` between two meetings of all ranks, when all posts are there.
  Pending start(ThreadExchange::Post post, std::function<void()> work);
  // The address of `offset_bytes` in each rank's input.
  std::vector<const void*> inputs(std::size_t offset_bytes) const;

  ThreadExchange& exchange_;
  JobQueue queue_;
};

}  // namespace bertyard
