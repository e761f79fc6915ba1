// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/base/spans.h"

namespace bertyard {

// Hands spans on as NVTX ranges, "layer forward 3", which NVIDIA's profilers show beside the
// kernels; a few nanoseconds each where none is attached. Null in a build without CUDA.
std::unique_ptr<SpanListener> make_profiler_ranges();

}  // namespace bertyard
