// SPDX-License-Identifier: Apache-2.0
// Activations that no epilogue of a matrix product computes. Bound by bytes: two or three streams.
#include "core/backend/cuda/cuda_checks.h"
#include "core/backend/cuda/cuda_layer_ops.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/groups.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

constexpr int kThreads = 256;

// out = act(x), or dy act'(x) where dy is not null.
template <typename T>
struct Elementwise {
  T* out;
  const T* x;
  const T* dy;
  std::int64_t elements;
  Activation activation;
  Access access;
};

template <typename T>
__global__ void activation_kernel(const Elementwise<T> in) {
  const std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kGroup;
  const std::int64_t left = in.elements - at;
  if (left <= 0) return;
  const int present = left < kGroup ? static_cast<int>(left) : kGroup;
  const Access access = present == kGroup ? in.access : Access::elements;
  float x[kGroup], dy[kGroup] = {};
  load_group(x, in.x + at, present, access);
  if (in.dy != nullptr) load_group(dy, in.dy + at, present, access);
#pragma unroll
  for (int i = 0; i < kGroup; ++i) {
    x[i] = in.dy == nullptr ? activated(in.activation, x[i])
                            : dy[i] * activation_gradient_at(in.activation, x[i]);
  }
  store_group(in.out + at, x, present, access);
}

void run(const char* name, TensorView out, ConstTensorView x, ConstTensorView dy,
         Activation activation, cudaStream_t stream) {
  const std::int64_t elements = x.elements(), width = kThreads * kGroup;
  if (elements == 0) return;
  for_element_type(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch(name, activation_kernel<T>,
           {.grid = dim3(static_cast<unsigned>((elements + width - 1) / width)),
            .block = dim3(kThreads),
            .stream = stream},
           Elementwise<T>{static_cast<T*>(out.data()), static_cast<const T*>(x.data()),
                          static_cast<const T*>(dy.data()), elements, activation,
                          access_of(0, out.data(), x.data(), dy.data())});
  });
}

}  // namespace

void CudaLayerOps::activate(TensorView y, ConstTensorView x, Activation activation) {
  run("activation", y, x, {}, activation, stream_);
}

void CudaLayerOps::activation_backward(TensorView dx, ConstTensorView dy, ConstTensorView pre,
                                       Activation activation) {
  constexpr std::string_view kOperation = "activation_backward";
  check_rank({kOperation, "pre"}, pre, 2);
  check_activations({kOperation, "pre"}, pre, pre.dtype(), pre.shape());
  check_activations({kOperation, "dx"}, dx, pre.dtype(), pre.shape());
  check_activations({kOperation, "dy"}, dy, pre.dtype(), pre.shape());
  run("activation_backward", dx, pre, dy, activation, stream_);
}

}  // namespace bertyard
