# SPDX-License-Identifier: Apache-2.0
# The GPU backend's sources: a build with CUDA compiles all of them, the tests' emulation all but the
# library of matrix products.
set(BERTYARD_CUDA_SOURCES
    activation.cu
    attention_generic_backward.cu
    attention_generic_forward.cu
    attention_tile_backward.cu
    attention_tile_forward.cu
    code_probe.cu
    column_sums.cu
    cross_entropy.cu
    cuda_attention.cpp
    cuda_checks.cpp
    cuda_device.cpp
    cuda_error.cpp
    cuda_layer_ops.cpp
    cuda_memory.cpp
    cuda_streams.cpp
    cuda_workspace.cpp
    embedding.cu
    layer_attention.cpp
    linear.cpp
    losses.cu
    matrix_choices.cpp
    narrow.cu
    norm.cu
    profiler_ranges.cpp
    reductions.cu
    rows.cu
    select_device.cpp
    update.cu
    update_plan_tables.cpp)
set(BERTYARD_CUBLASLT_SOURCES cublaslt_matrices.cpp cublaslt_plan.cpp cublaslt_search.cpp)
