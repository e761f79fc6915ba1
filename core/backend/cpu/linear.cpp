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
  check_activation({operation, "x"}, x, x.dtype(), {shape.rows, shape.in});
  check_activation({operation, "y"}, y, x.dtype(), {shape.rows, shape.out});
  return shape;
}

MatrixOperand operand(const ConstTensorView& stored, Transpose transpose) {
  return {stored.data(), stored.shape()[1], transpose, stored.dtype()};
}

template <typename Element>
Element* row_of(const TensorView& x, std::int64_t r) {
  return static_cast<Element*>(x.data()) + r * x.shape()[1];
}
template <typename Element>
const Element* row_of(const ConstTensorView& x, std::int64_t r) {
  return static_cast<const Element*>(x.data()) + r * x.shape()[1];
}

template <typename Work>
void for_each_row(int threads, std::int64_t rows, const Work& work) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t r = 0; r < rows; ++r) work(r);
}

}  // namespace

void CpuLayerOps::multiply_weight(TensorView y, ConstTensorView a, ConstTensorView w,
                                  Transpose transpose, ConstTensorView bias, float beta) {
  if (!keeps_weights_) matrices_.weights_changed();
  matrices_.multiply({.y = y.data(),
                      .leading = y.shape()[1],
                      .a = operand(a, Transpose::no),
                      .b = operand(w, transpose),
                      .m = y.rows(),
                      .n = y.shape()[1],
                      .k = a.shape()[1],
                      .beta = beta,
                      .bias = bias.present() ? bias.as<float>() : nullptr,
                      .second = SecondOperand::weight,
                      .y_dtype = y.dtype()});
}

void CpuLayerOps::activate(TensorView y, ConstTensorView x, Activation activation) {
  const std::int64_t columns = x.shape()[1];
  const ActivationKernels& kernels = kernels_.activation;
  if (x.dtype() == DType::bf16) {
    for_each_row(threads_, x.rows(), [&](std::int64_t r) {
      kernels.narrow_activation(row_of<BFloatBits>(y, r), row_of<BFloatBits>(x, r), columns,
                                activation);
    });
  } else {
    for_each_row(threads_, x.rows(), [&](std::int64_t r) {
      kernels.activation(row_of<float>(y, r), row_of<float>(x, r), columns, activation);
    });
  }
}

void CpuLayerOps::linear(TensorView y, TensorView pre, const LinearInput& input) {
  const LinearShape shape = check_linear("linear", input.x, input.w, y);
  check_optional_activation({"linear", "pre"}, pre, input.x.dtype(), {shape.rows, shape.out});
  check_optional_f32({"linear", "bias"}, input.bias, {shape.out});
  if (shape.rows == 0) return;
  const TensorView product = pre.present() ? pre : y;
  multiply_weight(product, input.x, input.w, Transpose::yes, input.bias, 0);
  if (pre.present() || input.activation != Activation::identity) {
    activate(y, product, input.activation);
  }
}

// dx = dy w
void CpuLayerOps::linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                        Accumulate accumulate) {
  const LinearShape shape = check_linear("linear_backward_input", dx, w, dy);
  if (shape.rows == 0) return;
  multiply_weight(dx, dy, w, Transpose::no, {}, accumulate == Accumulate::yes ? 1.0f : 0.0f);
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
  matrices_.multiply({.y = dw.data(),
                      .leading = shape.in,
                      .a = operand(dy, Transpose::yes),
                      .b = operand(x, Transpose::no),
                      .m = shape.out,
                      .n = shape.in,
                      .k = shape.rows,
                      .beta = 1.0f});
  if (dbias.present()) add_column_sums(dbias.as<float>(), dy);
}

// Strips of columns, each summed over the rows in order, whoever computes it.
void CpuLayerOps::add_column_sums(float* sums, ConstTensorView x) {
  constexpr std::int64_t kStrip = 64;
  const std::int64_t rows = x.rows();
  const std::int64_t columns = x.shape()[1];
  const bool narrow = x.dtype() == DType::bf16;
  const auto* bits = static_cast<const BFloatBits*>(x.data());
  const auto* floats = static_cast<const float*>(x.data());
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t first = 0; first < columns; first += kStrip) {
    const std::int64_t count = std::min(kStrip, columns - first);
    if (narrow) {
      kernels_.activation.add_narrow_rows(sums + first, bits + first, rows, count, columns);
    } else {
      kernels_.activation.add_rows(sums + first, floats + first, rows, count, columns);
    }
  }
}

void CpuLayerOps::activation_backward(TensorView dx, ConstTensorView dy, ConstTensorView pre,
                                      Activation activation) {
  check_rank({"activation_backward", "pre"}, pre, 2);
  check_activation({"activation_backward", "pre"}, pre, pre.dtype(), pre.shape());
  check_activation({"activation_backward", "dx"}, dx, pre.dtype(), pre.shape());
  check_activation({"activation_backward", "dy"}, dy, pre.dtype(), pre.shape());
  const std::int64_t columns = pre.shape()[1];
  const ActivationKernels& kernels = kernels_.activation;
  if (pre.dtype() == DType::bf16) {
    for_each_row(threads_, pre.rows(), [&](std::int64_t r) {
      kernels.narrow_activation_gradient(row_of<BFloatBits>(dx, r), row_of<BFloatBits>(dy, r),
                                         row_of<BFloatBits>(pre, r), columns, activation);
    });
  } else {
    for_each_row(threads_, pre.rows(), [&](std::int64_t r) {
      kernels.activation_gradient(row_of<float>(dx, r), row_of<float>(dy, r), row_of<float>(pre, r),
                                  columns, activation);
    });
  }
}

}  // namespace bertyard
