// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/update_plan_tables.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/backend/cuda/cuda_error.h"
#include "core/backend/cuda/cuda_memory.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

template <typename T>
const T* copied(Buffer& buffer, const std::vector<T>& values) {
  const std::size_t bytes = values.size() * sizeof(T);
  if (bytes == 0) return nullptr;
  buffer = allocate_device_memory(bytes);
  BERTYARD_CHECK_CUDA(cudaMemcpy(buffer.data(), values.data(), bytes, cudaMemcpyHostToDevice));
  return static_cast<const T*>(buffer.data());
}

class CudaUpdatePlan : public UpdatePlan {
 public:
  explicit CudaUpdatePlan(UpdateTables given) : UpdatePlan(std::move(given)) {
    device_ = {copied(segments_, tables().segments), copied(chunks_, tables().chunks),
               copied(first_chunk_, tables().first_chunk), segments(), chunks()};
    // A copy from pageable memory may return before it has arrived, and other streams do not wait.
    BERTYARD_CHECK_CUDA(cudaStreamSynchronize(nullptr));
  }
  const DeviceTables& device() const { return device_; }

 private:
  Buffer segments_, chunks_, first_chunk_;
  DeviceTables device_;
};

}  // namespace

std::unique_ptr<UpdatePlan> make_cuda_update_plan(UpdateTables tables) {
  return std::make_unique<CudaUpdatePlan>(std::move(tables));
}

const DeviceTables& device_tables(std::string_view operation, const UpdatePlan& plan,
                                  std::int64_t elements) {
  const auto* own = dynamic_cast<const CudaUpdatePlan*>(&plan);
  BERTYARD_CHECK(own != nullptr, fmt::format("{}: the plan was made by another device", operation));
  for (const UpdateSegment& segment : plan.tables().segments) {
    if (segment.offset + segment.elements <= elements) continue;
    throw Error(fmt::format("{}: segment [{}, {}) lies outside the buffer of {} elements",
                            operation, segment.offset, segment.offset + segment.elements,
                            elements));
  }
  return own->device();
}

}  // namespace bertyard
