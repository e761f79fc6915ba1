// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cublasLt.h>

namespace bertyard {

// Throws EnvironmentError unless `code` is CUBLAS_STATUS_SUCCESS.
void check_cublas(cublasStatus_t code, const char* what, const char* file, int line);

}  // namespace bertyard

#define BERTYARD_CHECK_CUBLAS(call) ::bertyard::check_cublas((call), #call, __FILE__, __LINE__)
