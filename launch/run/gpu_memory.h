// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "launch/run/pretraining_setup.h"

namespace bertyard {

// What a rank takes of its GPU. Only the first is counted; the others are what the libraries take
// beside it.
struct GpuMemory {
  std::size_t planned = 0;    // PretrainingSetup::memory_use()
  std::size_t search = 0;     // results of the largest product while its algorithm is searched for
  std::size_t libraries = 0;  // an estimate: CUDA's context, kernels, graphs; NCCL between ranks
  std::size_t total() const { return planned + search + libraries; }
};
GpuMemory gpu_memory(const PretrainingSetup& setup);

// "13.1 of 79.0 GiB: 12.5 planned, ..., 65.9 GiB are left"
std::string gpu_memory_text(const GpuMemory& memory, std::size_t card);

// Throws UsageError where the setup's device, a GPU, has less than that, saying what would fit.
// Plans the setup's objective anew for that: nothing may be allocated for it afterwards.
void require_gpu_memory(PretrainingSetup& setup);

}  // namespace bertyard
