// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {
namespace {

// Outer shape of x [R, I], w [O, I] and y [R, O].
struct LinearShape {
  std::int64_t rows, in, out;
};

LinearShape check_linear(std::string_view operation, const ConstTensorView& x,
                         const ConstTensorView& w, const ConstTensorView& y) {
  check_rank({operation, "x"}, x, 2);
  check_rank({operation, "w"}, w, 2);
  const LinearShape shape = {x.shape()[0], w.shape()[1], w.shape()[0]};
  check_f32({operation, "w"}, w, {shape.out, shape.in});
  check_f32({operation, "x"}, x, {shape.rows, shape.in});
  check_f32({operation, "y"}, y, {shape.rows, shape.out});
  return shape;
}

}  // namespace

void CpuLayerOps::finish_linear(TensorView y, TensorView pre, const LinearInput& input) {
  if (!input.bias.present() && input.activation == Activation::identity && !pre.present()) return;
  const std::int64_t rows = y.rows();
  const std::int64_t columns = y.shape()[1];
  float* out = y.as<float>();
  float* saved = pre.present() ? pre.as<float>() : nullptr;
  const float* product = saved != nullptr ? saved : out;
  const float* bias = input.bias.present() ? input.bias.as<float>() : nullptr;
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < rows; ++r) {
    kernels_.activation.bias_activation(out + r * columns,
                                        saved == nullptr ? nullptr : saved + r * columns,
                                        product + r * columns, bias, columns, input.activation);
  }
}

void CpuLayerOps::linear(TensorView y, TensorView pre, const LinearInput& input) {
  const LinearShape shape = check_linear("linear", input.x, input.w, y);
  check_optional_f32({"linear", "pre"}, pre, {shape.rows, shape.out});
  check_optional_f32({"linear", "bias"}, input.bias, {shape.out});
  if (shape.rows == 0) return;
  matrices_.multiply({.y = pre.present() ? pre.as<float>() : y.as<float>(),
                      .leading = shape.out,
                      .a = {input.x.as<float>(), shape.in, Transpose::no},
                      .b = {input.w.as<float>(), shape.in, Transpose::yes},
                      .m = shape.rows,
                      .n = shape.out,
                      .k = shape.in});
  finish_linear(y, pre, input);
}

// dx = dy w
void CpuLayerOps::linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                        Accumulate accumulate) {
  const LinearShape shape = check_linear("linear_backward_input", dx, w, dy);
  if (shape.rows == 0) return;
  matrices_.multiply({.y = dx.as<float>(),
                      .leading = shape.in,
                      .a = {dy.as<float>(), shape.out, Transpose::no},
                      .b = {w.as<float>(), shape.in, Transpose::no},
                      .m = shape.rows,
                      .n = shape.in,
                      .k = shape.out,
                      .beta = accumulate == Accumulate::yes ? 1.0f : 0.0f});
}

void CpuLayerOps::linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                        Activation activation, ConstTensorView pre) {
  linear_backward_input(dx, dy, w, Accumulate::no);
  if (activation != Activation::identity) activation_backward(dx, dx, pre, activation);
}

// dw += dy^T x, dbias += sum of the rows of dy
void CpuLayerOps::linear_backward_weight(TensorView dw, TensorView dbias, ConstTensorView dy,
                                         ConstTensorView x) {
  const LinearShape shape = check_linear("linear_backward_weight", x, dw, dy);
  check_optional_f32({"linear_backward_weight", "dbias"}, dbias, {shape.out});
  if (shape.rows == 0) return;
  matrices_.multiply({.y = dw.as<float>(),
                      .leading = shape.in,
                      .a = {dy.as<float>(), shape.out, Transpose::yes},
                      .b = {x.as<float>(), shape.in, Transpose::no},
                      .m = shape.out,
                      .n = shape.in,
                      .k = shape.rows,
                      .beta = 1.0f});
  if (dbias.present()) {
    add_column_sums(dbias.as<float>(), dy.as<float>(), shape.rows, shape.out);
  }
}

// Strips of columns, each summed over the rows in order, whoever computes it.
void CpuLayerOps::add_column_sums(float* sums, const float* x, std::int64_t rows,
                                  std::int64_t columns) {
  constexpr std::int64_t kStrip = 64;
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t first = 0; first < columns; first += kStrip) {
    kernels_.activation.add_rows(sums + first, x + first, rows, std::min(kStrip, columns - first),
                                 columns);
  }
}

void CpuLayerOps::activation_backward(TensorView dx, ConstTensorView dy, ConstTensorView pre,
                                      Activation activation) {
  check_rank({"activation_backward", "pre"}, pre, 2);
  check_f32({"activation_backward", "pre"}, pre, pre.shape());
  check_f32({"activation_backward", "dx"}, dx, pre.shape());
  check_f32({"activation_backward", "dy"}, dy, pre.shape());
  const std::int64_t rows = pre.rows();
  const std::int64_t columns = pre.shape()[1];
  float* out = dx.as<float>();
  const float* in = dy.as<float>();
  const float* saved = pre.as<float>();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < rows; ++r) {
    kernels_.activation.activation_gradient(out + r * columns, in + r * columns,
                                            saved + r * columns, columns, activation);
  }
}

}  // namespace bertyard
