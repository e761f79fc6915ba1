// SPDX-License-Identifier: Apache-2.0
#include "core/backend/built_with.h"
#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/backend/profiler_ranges.h"
#include "core/backend/update_ops.h"
#include "core/base/error.h"

namespace bertyard {

bool built_with_cuda() {
  return false;
}

int cuda_device_count() {
  return 0;
}

std::vector<std::string> cuda_device_ids() {
  return {};
}

std::unique_ptr<SpanListener> make_profiler_ranges() {
  return nullptr;
}

std::unique_ptr<Device> make_cuda_device(const CudaOptions& /*options*/) {
  throw EnvironmentError(
      "built without CUDA: set parallel.backend to cpu, or configure with the preset 'cuda' on a "
      "machine with the CUDA toolkit");
}

}  // namespace bertyard
