// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_workspace.h"

#include <fmt/format.h>

#include "core/backend/cuda/cuda_memory.h"
#include "core/backend/cuda/matrix_choices.h"
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

CudaWorkspacePlan CudaWorkspace::slots(const WorkspaceLimits& limits) const {
  return plan_cuda_workspace(limits, matrices_.workspace_bytes());
}

std::size_t CudaWorkspace::bytes(const WorkspaceLimits& limits) const {
  return slots(limits).plan.bytes();
}

void CudaWorkspace::reserve(const WorkspaceLimits& limits) {
  arena_ = Arena();  // before the new one is taken
  slots_ = slots(limits);
  limits_ = limits;
  arena_ = Arena(allocate_device_memory(slots_.plan.bytes()));
  const TensorView products = arena_.view(slots_.products);
  BERTYARD_CHECK(alignment_of(products.data()) == kBestAlignment,
                 "products: the workspace must lie at a multiple of 256 bytes");
  matrices_.use_workspace(products);
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
