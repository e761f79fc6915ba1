# SPDX-License-Identifier: Apache-2.0
# The GPU backend's sources, for a build with CUDA and for the tests' emulation.
set(BERTYARD_CUDA_SOURCES
    attention_generic_backward.cu
    attention_generic_forward.cu
    attention_tile_backward.cu
    attention_tile_forward.cu
    cuda_attention.cpp
    cuda_error.cpp)
