// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/column_sums.h"
#include "core/backend/cuda/cuda_checks.h"
#include "core/backend/cuda/cuda_layer_ops.h"
#include "core/backend/cuda/narrow.h"

namespace bertyard {
namespace {

struct LinearShape {
  std::int64_t rows, in, out;
};

LinearShape check_linear(std::string_view operation, const ConstTensorView& x,
                         const ConstTensorView& w, const ConstTensorView& y) {
  check_rank({operation, "x"}, x, 2);
  check_rank({operation, "w"}, w, 2);
  const LinearShape shape = {x.shape()[0], w.shape()[1], w.shape()[0]};
  check_f32({operation, "w"}, w, {shape.out, shape.in});
  check_activations({operation, "x"}, x, x.dtype(), {shape.rows, shape.in});
  check_activations({operation, "y"}, y, x.dtype(), {shape.rows, shape.out});
  return shape;
}

}  // namespace

const void* CudaLayerOps::rounded(const ConstTensorView& parameter, DType type,
                                  RoundedScratch which) {
  if (type == DType::f32) return parameter.data();
  const TensorView copy = workspace_.rounded_parameters();
  if (copy.present() && copy.dtype() == type && parameters_.present()) {
    const auto* first = static_cast<const float*>(parameters_.data());
    const auto* data = static_cast<const float*>(parameter.data());
    if (data >= first && data + parameter.elements() <= first + parameters_.elements()) {
      return static_cast<const std::byte*>(copy.data()) +
             static_cast<std::size_t>(data - first) * size_of(type);
    }
  }
  const TensorView scratch = workspace_.scratch(which, parameter.elements());
  const TensorView typed(scratch.data(), type, {parameter.elements()});
  convert(typed, parameter, stream_);
  return typed.data();
}

// `product` with y, a, b and the types filled in; whether w enters it transposed, it says already.
DeviceProduct CudaLayerOps::weight_product(TensorView y, ConstTensorView a, ConstTensorView w,
                                           DeviceProduct product) {
  product.y = y.data();
  product.leading = y.shape()[1];
  product.a = {a.data(), a.shape()[1], Transposed::no};
  product.b.data = rounded(w, a.dtype(), RoundedScratch::weight);
  product.b.leading = w.shape()[1];
  product.m = y.rows();
  product.n = y.shape()[1];
  product.k = a.shape()[1];
  product.type = product.y_type = a.dtype();
  return product;
}

// gelu_tanh with its pre-activation kept is one pass where the library takes it; all others leave
// the product, with its bias, in `pre` or y and go over it once more.
void CudaLayerOps::linear(TensorView y, TensorView pre, const LinearInput& input) {
  const LinearShape shape = check_linear("linear", input.x, input.w, y);
  check_optional_activations({"linear", "pre"}, pre, input.x.dtype(), {shape.rows, shape.out});
  check_optional_f32({"linear", "bias"}, input.bias, {shape.out});
  if (shape.rows == 0) return;
  DeviceProduct product{.b = {.transposed = Transposed::yes}};
  if (input.bias.present()) {
    product.bias = rounded(input.bias, input.x.dtype(), RoundedScratch::bias);
    product.epilogue = ProductEpilogue::bias;
  }
  if (input.activation == Activation::gelu_tanh && pre.present() && input.bias.present()) {
    DeviceProduct fused = weight_product(y, input.x, input.w, product);
    fused.epilogue = ProductEpilogue::bias_gelu_tanh;
    fused.pre = pre.data();
    if (matrices_.takes(fused)) return matrices_.multiply(fused);
  }
  const TensorView result = pre.present() ? pre : y;
  matrices_.multiply(weight_product(result, input.x, input.w, product));
  if (pre.present() || input.activation != Activation::identity) {
    activate(y, result, input.activation);
  }
}

// dx = dy w
void CudaLayerOps::linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                         Accumulate accumulate) {
  const LinearShape shape = check_linear("linear_backward_input", dx, w, dy);
  if (shape.rows == 0) return;
  const float beta = accumulate == Accumulate::yes ? 1.0f : 0.0f;
  matrices_.multiply(weight_product(dx, dy, w, {.beta = beta}));
}

void CudaLayerOps::linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                         Activation activation, ConstTensorView pre) {
  const LinearShape shape = check_linear("linear_backward_input", dx, w, dy);
  if (shape.rows == 0) return;
  if (activation == Activation::gelu_tanh) {
    check_activations({"linear_backward_input", "pre"}, pre, dx.dtype(), dx.shape());
    DeviceProduct fused = weight_product(dx, dy, w, {});
    fused.epilogue = ProductEpilogue::gelu_tanh_gradient;
    fused.pre = const_cast<void*>(pre.data());
    if (matrices_.takes(fused)) return matrices_.multiply(fused);
  }
  linear_backward_input(dx, dy, w, Accumulate::no);
  if (activation != Activation::identity) activation_backward(dx, dx, pre, activation);
}

// dw += dy^T x, dbias += sum of the rows of dy
void CudaLayerOps::linear_backward_weight(TensorView dw, TensorView dbias, ConstTensorView dy,
                                          ConstTensorView x) {
  constexpr std::string_view kOperation = "linear_backward_weight";
  const LinearShape shape = check_linear(kOperation, x, dw, dy);
  check_optional_f32({kOperation, "dbias"}, dbias, {shape.out});
  if (shape.rows == 0) return;
  DeviceProduct product{.y = dw.data(),
                        .leading = shape.in,
                        .a = {dy.data(), shape.out, Transposed::yes},
                        .b = {x.data(), shape.in, Transposed::no},
                        .m = shape.out,
                        .n = shape.in,
                        .k = shape.rows,
                        .type = x.dtype(),
                        .beta = 1.0f};
  if (!dbias.present()) return matrices_.multiply(product);
  DeviceProduct fused = product;
  fused.epilogue = ProductEpilogue::row_sums;
  fused.sums = workspace_.partials(kOperation, shape.out);
  if (matrices_.takes(fused)) {
    matrices_.multiply(fused);
    return add_partials({.first = dbias.as<float>(),
                         .partials = fused.sums,
                         .blocks = 1,
                         .columns = shape.out,
                         .stream = stream_});
  }
  matrices_.multiply(product);
  add_column_sums(dbias.as<float>(), dy,
                  workspace_.partials(kOperation, row_blocks(shape.rows) * shape.out), stream_);
}

}  // namespace bertyard
