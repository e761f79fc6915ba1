// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/backend/device.h"
#include "parallel/communicator.h"
#include "parallel/control_plane.h"

namespace bertyard {

inline constexpr ControlPlane::Seconds kNoTimeLimit{1e9};

struct NcclOptions {
  ControlPlane::Seconds start_limit{600};  // until every rank has connected
  // For a collective that makes no progress while the host still looks at it.
  ControlPlane::Seconds time_limit{600};
  int most_blocks = 0;  // of the GPU for a collective; 0: as NCCL thinks
};

// Collectives of device memory by NCCL, one GPU a rank, on a stream of their own: behind what the
// compute stream has been given when the call is made, and ahead of what it is given after wait().
// They can be captured in a graph, once each has run outside of one; graphs go before the
// communicator. A thread looks for failed and overdue collectives, ends NCCL's work on this rank,
// and makes every later call throw EnvironmentError. Collectives inside a graph are watched for
// failures, not for time.
class NcclCommunicator : public Communicator {
 public:
  using Communicator::Communicator;
  // Without it the destructor ends NCCL's work here and now, and what other ranks still wait for
  // never comes.
  void finalize() override = 0;
  // Lets NCCL move `memory` without copies inside; it must live until finalize(). Best for memory
  // of allocate(). Throws EnvironmentError where this NCCL (before 2.19) cannot.
  virtual void register_memory(TensorView memory) = 0;
  // Device memory that NCCL likes best. Throws as register_memory() does.
  virtual Buffer allocate(std::size_t bytes) = 0;
};

bool built_with_nccl();
// "NCCL 2.28.9"; empty without NCCL.
std::string nccl_library();

// Every rank calls it. Rank 0 makes NCCL's id, `host`, which joins the ranks' host memory, carries
// it. `device` is the GPU of this process. Throws EnvironmentError where the build has no NCCL or
// the ranks cannot connect within the time limit.
std::unique_ptr<NcclCommunicator> make_nccl_communicator(Device& device, Communicator& host,
                                                         const NcclOptions& options);

}  // namespace bertyard
