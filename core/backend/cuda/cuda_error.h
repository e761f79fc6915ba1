// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

namespace bertyard {

// Throws EnvironmentError with `what` was called, where, and CUDA's own words, unless `code` is
// cudaSuccess.
void check_cuda(cudaError_t code, const char* what, const char* file, int line);

}  // namespace bertyard

#define BERTYARD_CHECK_CUDA(call) ::bertyard::check_cuda((call), #call, __FILE__, __LINE__)
