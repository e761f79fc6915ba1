// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace bertyard {

struct SelectedDevice {
  std::string name;          // "NVIDIA H100 80GB HBM3"
  std::string architecture;  // "sm_90"
  std::string versions;      // "CUDA runtime 13.0, driver 13.0"
  std::size_t memory_bytes = 0;
  int multiprocessors = 0;
  int shared_bytes = 0;  // that a block can have
  std::string pci_bus;   // "0000:41:00.0"
};

// Makes the node's GPU number `local_rank` the calling process's. Throws EnvironmentError that says
// what is missing: a driver, a new enough one, a GPU, or one that this build has kernels for.
SelectedDevice select_cuda_device(int local_rank);

}  // namespace bertyard
