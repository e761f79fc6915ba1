// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_workspace.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/backend/cuda/column_sums.h"
#include "core/backend/cuda/cuda_memory.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

[[noreturn]] void throw_too_small(std::string_view operation, std::int64_t wanted,
                                  std::int64_t reserved, std::string_view unit) {
  throw Error(
      fmt::format("{}: {} {} of workspace are needed and {} were reserved; call reserve() "
                  "with larger limits before the first step",
                  operation, wanted, unit, reserved));
}

}  // namespace

CudaWorkspace::Slots CudaWorkspace::slots(const WorkspaceLimits& limits) const {
  const std::int64_t rows = std::max({limits.tokens, limits.masked, limits.sequences});
  const std::int64_t wide = std::max(3 * limits.hidden, limits.intermediate);
  const std::int64_t heads = std::max(limits.masked, limits.sequences);
  Slots slots;
  const std::int64_t floats =
      std::max({row_blocks(rows) * wide, row_blocks(rows) * 2 * limits.hidden,
                row_blocks(heads) * std::max(limits.vocab_size, limits.hidden)});
  // First, where the arena itself begins: products want their memory aligned to more than a slot's.
  slots.products =
      slots.plan.add(DType::u8, {static_cast<std::int64_t>(matrices_.workspace_bytes())});
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

std::size_t CudaWorkspace::bytes(const WorkspaceLimits& limits) const {
  return slots(limits).plan.bytes();
}

void CudaWorkspace::reserve(const WorkspaceLimits& limits) {
  arena_ = Arena();  // before the new one is taken
  slots_ = slots(limits);
  limits_ = limits;
  arena_ = Arena(allocate_device_memory(slots_.plan.bytes()));
  matrices_.use_workspace(arena_.view(slots_.products));
}

float* CudaWorkspace::partials(std::string_view operation, std::int64_t floats) {
  const std::int64_t reserved = slots_.partials.shape.elements();
  if (arena_.bytes() == 0 || floats > reserved) {
    throw_too_small(operation, floats, arena_.bytes() == 0 ? 0 : reserved, "floats");
  }
  return arena_.view(slots_.partials).as<float>();
}

std::int32_t* CudaWorkspace::order(std::string_view operation, std::int64_t rows) {
  const std::int64_t reserved = slots_.order.shape.elements();
  if (arena_.bytes() == 0 || rows > reserved) {
    throw_too_small(operation, rows, arena_.bytes() == 0 ? 0 : reserved, "rows");
  }
  return arena_.view(slots_.order).as<std::int32_t>();
}

TensorView CudaWorkspace::scratch(RoundedScratch which, std::int64_t elements) {
  const ArenaSlot& slot = slots_.scratch[static_cast<int>(which)];
  const std::int64_t reserved = slot.shape.rank() == 0 ? 0 : slot.shape.elements();
  if (arena_.bytes() == 0 || elements > reserved) {
    throw_too_small("a parameter outside the buffer of bind_parameters()", elements, reserved,
                    "elements");
  }
  return arena_.view(slot).slice(0, elements);
}

TensorView CudaWorkspace::rounded_parameters() const {
  if (limits_.activations == DType::f32 || limits_.parameters == 0) return {};
  return arena_.view(slots_.rounded);
}

}  // namespace bertyard
