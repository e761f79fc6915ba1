// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include <cuda_runtime_api.h>

#include "core/backend/cuda/cuda_error.h"

namespace bertyard {

// Owns one of the runtime's objects; `destroy` gives it back. An error of giving back is let go:
// whoever needs to hear of it has synchronised before.
template <typename Handle, cudaError_t (*destroy)(Handle)>
class CudaHandle {
 public:
  CudaHandle() = default;
  explicit CudaHandle(Handle handle) : handle_(handle) {}
  ~CudaHandle() { reset(); }
  CudaHandle(CudaHandle&& other) noexcept : handle_(std::exchange(other.handle_, Handle{})) {}
  CudaHandle& operator=(CudaHandle&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, Handle{});
    }
    return *this;
  }
  CudaHandle(const CudaHandle&) = delete;
  CudaHandle& operator=(const CudaHandle&) = delete;

  Handle get() const { return handle_; }

 private:
  void reset() noexcept {
    if (handle_ != Handle{}) static_cast<void>(destroy(handle_));
    handle_ = Handle{};
  }
  Handle handle_{};
};

using CudaStreamHandle = CudaHandle<cudaStream_t, cudaStreamDestroy>;
using CudaEventHandle = CudaHandle<cudaEvent_t, cudaEventDestroy>;
using CudaGraphHandle = CudaHandle<cudaGraph_t, cudaGraphDestroy>;
using CudaGraphExecHandle = CudaHandle<cudaGraphExec_t, cudaGraphExecDestroy>;

// The default stream does not wait for it, nor it for the default stream.
inline CudaStreamHandle make_cuda_stream() {
  cudaStream_t stream = nullptr;
  BERTYARD_CHECK_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return CudaStreamHandle(stream);
}

enum class EventTiming { no, yes };
inline CudaEventHandle make_cuda_event(EventTiming timing) {
  cudaEvent_t event = nullptr;
  const unsigned flags = timing == EventTiming::no ? cudaEventDisableTiming : cudaEventDefault;
  BERTYARD_CHECK_CUDA(cudaEventCreateWithFlags(&event, flags));
  return CudaEventHandle(event);
}

}  // namespace bertyard
