// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_layer_ops.h"

#include <fmt/format.h>

#include "core/backend/cuda/narrow.h"
#include "core/base/error.h"

namespace bertyard {

std::size_t CudaLayerOps::workspace_bytes(const WorkspaceLimits& limits) const {
  return workspace_.bytes(limits);
}

void CudaLayerOps::reserve(const WorkspaceLimits& limits) {
  parameters_ = {};
  workspace_.reserve(limits);
}

void CudaLayerOps::bind_parameters(ConstTensorView values) {
  const std::int64_t reserved = workspace_.limits().parameters;
  if (values.present() && values.elements() > reserved) {
    throw Error(fmt::format("bind_parameters: {} elements, and reserve() was told of {}",
                            values.elements(), reserved));
  }
  parameters_ = values;
  weights_changed();
}

void CudaLayerOps::weights_changed() {
  const TensorView copy = workspace_.rounded_parameters();
  if (!copy.present() || !parameters_.present()) return;
  convert(copy.slice(0, parameters_.elements()), parameters_, stream_);
}

}  // namespace bertyard
