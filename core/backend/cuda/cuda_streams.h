// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "core/backend/cuda/cuda_handles.h"
#include "core/backend/device.h"

namespace bertyard {

class CudaStream : public Stream {
 public:
  CudaStream() : stream_(make_cuda_stream()) {}
  void* native() const override { return stream_.get(); }
  cudaStream_t get() const { return stream_.get(); }

 private:
  CudaStreamHandle stream_;
};

cudaStream_t native_stream(const Stream& stream);

std::unique_ptr<Event> make_cuda_device_event();
// Records what `work` does on `stream` and on streams that wait for it.
std::unique_ptr<Graph> capture_cuda_graph(const CudaStream& stream,
                                          const std::function<void()>& work);

}  // namespace bertyard
