// SPDX-License-Identifier: Apache-2.0
#include "launch/config/backend_choice.h"

#include "core/backend/built_with.h"

namespace bertyard {

bool takes_gpu(const RunConfig& config) {
  if (config.distill.taught()) return false;
  if (config.parallel.backend == BackendChoice::cuda) return true;
  return config.parallel.backend == BackendChoice::automatic && cuda_device_count() > 0;
}

std::size_t planned_gpu(const RunConfig& config) {
  return takes_gpu(config) && cuda_device_count() == 0 ? config.cluster.device_memory : 0;
}

}  // namespace bertyard
