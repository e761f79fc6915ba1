// SPDX-License-Identifier: Apache-2.0
// y = LayerNorm(dropout(x) + residual) and its backward. Bound by bytes: forward reads x and the
// residual and writes normalised and y, backward reads dy and normalised and writes dx and
// dresidual, each once.
#include "core/backend/cuda/cuda_checks.h"
#include "core/backend/cuda/cuda_layer_ops.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/norm_backward.cuh"
#include "core/backend/cuda/norm_forward.cuh"

namespace bertyard {
namespace {

// z = dropout(x) + residual
template <typename T>
struct AddedRows {
  const T* x;
  const T* residual;  // may be null
  int columns;
  DropoutDraws dropout;
  Access access;

  __device__ void load(float (&z)[kGroup], std::int64_t row, int group, int present) const {
    const std::int64_t at = row * columns + group * kGroup;
    load_group(z, x + at, present, access);
    if (dropout.threshold != 0) apply_dropout(z, dropout, row, group);
    if (residual == nullptr) return;
    float added[kGroup];
    load_group(added, residual + at, present, access);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) z[i] += added[i];
  }
};

}  // namespace

void CudaLayerOps::add_norm(TensorView y, const NormSaved& saved, ConstTensorView x,
                            ConstTensorView residual, const NormParameters& norm,
                            const Dropout& dropout) {
  check_rank({"add_norm", "x"}, x, 2);
  const Shape shape = x.shape();
  check_activations({"add_norm", "x"}, x, x.dtype(), shape);
  check_activations({"add_norm", "y"}, y, x.dtype(), shape);
  check_optional_activations({"add_norm", "residual"}, residual, x.dtype(), shape);
  check_norm_tensors("add_norm", norm, saved, x.dtype(), shape);
  const DropoutDraws draws = dropout_draws("add_norm", dropout, shape[0]);
  for_element_type(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const Access access = access_of(shape[1], x.data(), residual.data(), y.data(),
                                    saved.normalised.data(), norm.gamma.data(), norm.beta.data());
    const auto columns = static_cast<int>(shape[1]);
    launch_norm("add_norm",
                AddedRows<T>{static_cast<const T*>(x.data()),
                             static_cast<const T*>(residual.data()), columns, draws, access},
                NormOutput<T>{static_cast<T*>(y.data()),
                              static_cast<T*>(saved.normalised.data()),
                              saved.rstd.as<float>(),
                              norm.gamma.as<float>(),
                              norm.beta.as<float>(),
                              shape[0],
                              columns,
                              static_cast<float>(norm.epsilon),
                              {},
                              access},
                stream_);
  });
}

void CudaLayerOps::add_norm_backward(TensorView dx, TensorView dresidual,
                                     const NormGradients& dnorm, ConstTensorView dy,
                                     const NormParameters& norm, const NormSaved& saved,
                                     const Dropout& dropout) {
  constexpr std::string_view kOperation = "add_norm_backward";
  check_rank({kOperation, "dy"}, dy, 2);
  const Shape shape = dy.shape();
  check_activations({kOperation, "dy"}, dy, dy.dtype(), shape);
  check_activations({kOperation, "dx"}, dx, dy.dtype(), shape);
  check_optional_activations({kOperation, "dresidual"}, dresidual, dy.dtype(), shape);
  check_norm_tensors(kOperation, norm, saved, dy.dtype(), shape);
  check_norm_gradient_tensors(kOperation, dnorm, shape[1]);
  const DropoutDraws draws = dropout_draws(kOperation, dropout, shape[0]);
  float* partials = workspace_.partials(kOperation, row_blocks(shape[0]) * 2 * shape[1]);
  for_element_type(dy.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch_norm_backward(
        "add_norm_backward",
        NormBackward<T>{static_cast<T*>(dx.data()), static_cast<T*>(dresidual.data()),
                        static_cast<const T*>(dy.data()),
                        static_cast<const T*>(saved.normalised.data()), saved.rstd.as<float>(),
                        norm.gamma.as<float>(), partials, shape[0], static_cast<int>(shape[1]),
                        draws, DropoutDraws(),
                        access_of(shape[1], dx.data(), dresidual.data(), dy.data(),
                                  saved.normalised.data(), norm.gamma.data())},
        {.first = dnorm.dgamma.as<float>(),
         .second = dnorm.dbeta.as<float>(),
         .partials = partials,
         .blocks = row_blocks(shape[0]),
         .columns = shape[1],
         .stream = stream_});
  });
}

}  // namespace bertyard
