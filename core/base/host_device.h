// SPDX-License-Identifier: Apache-2.0
#pragma once

// Stands before functions that kernels call too; nothing for a C++ compiler.
#if defined(__CUDACC__)
#define BERTYARD_HOST_DEVICE __host__ __device__
#else
#define BERTYARD_HOST_DEVICE
#endif
