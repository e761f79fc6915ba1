// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/workspace_plan.h"

#include <algorithm>

namespace bertyard {

CudaWorkspacePlan plan_cuda_workspace(const WorkspaceLimits& limits, std::size_t product_bytes) {
  const std::int64_t rows = std::max({limits.tokens, limits.masked, limits.sequences});
  const std::int64_t wide = std::max(3 * limits.hidden, limits.intermediate);
  const std::int64_t heads = std::max(limits.masked, limits.sequences);
  CudaWorkspacePlan slots;
  const std::int64_t floats =
      std::max({row_blocks(rows) * wide, row_blocks(rows) * 2 * limits.hidden,
                row_blocks(heads) * std::max(limits.vocab_size, limits.hidden)});
  // First, where the arena itself begins: products want their memory aligned to more than a slot's.
  slots.products = slots.plan.add(DType::u8, {static_cast<std::int64_t>(product_bytes)});
  slots.partials = slots.plan.add(DType::f32, {floats});
  slots.order = slots.plan.add(DType::i32, {rows});
  if (limits.activations == DType::f32) return slots;
  slots.rounded = slots.plan.add(limits.activations, {limits.parameters});
  if (limits.parameters > 0) return slots;
  const std::int64_t widest = std::max(wide, limits.vocab_size);
  slots.scratch[0] =
      slots.plan.add(limits.activations, {widest * std::max(limits.hidden, limits.intermediate)});
  slots.scratch[1] = slots.plan.add(limits.activations, {widest});
  return slots;
}

}  // namespace bertyard
