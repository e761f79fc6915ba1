// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <cuda_runtime_api.h>

#include "tests/support/cuda_emulation/engine.h"

namespace bertyard::emulation {

using Work = std::function<void()>;

// Adds work to a stream, or to the graph that the stream is captured into. Work runs as late as
// CUDA allows: when someone waits for the stream or for an event behind the work. So a missing
// event, or host memory that is given up too early, shows as a wrong result. What a kernel throws
// comes out of the call that waited.
void enqueue(cudaStream_t stream, Work work);
void enqueue_kernel(cudaStream_t stream, KernelCall call);
// Runs what stands in the stream; null is the legacy default stream, which waits for all.
void drain(cudaStream_t stream);
bool anything_captured();
// What cudaGetLastError() returns next; returns `error`.
cudaError_t remember(cudaError_t error);

}  // namespace bertyard::emulation
