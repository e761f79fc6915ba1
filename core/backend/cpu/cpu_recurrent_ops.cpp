// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/cpu_recurrent_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <fmt/format.h>

#include "core/backend/activation.h"
#include "core/backend/cpu/host_memory.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::string_view kOperation = "lstm";

std::int64_t step_floats(const RecurrentLimits& limits) {
  return limits.sequences * (limits.outputs + 2 * limits.cells + 4 * limits.cells) +
         limits.tokens * limits.outputs;
}

float clipped(float x, double limit) {
  const auto bound = static_cast<float>(limit);
  return limit > 0 ? std::clamp(x, -bound, bound) : x;
}

// Whether clipping has cut the gradient of what came out as x.
bool was_clipped(float x, double limit) {
  return limit > 0 && std::fabs(x) >= static_cast<float>(limit);
}

}  // namespace

std::size_t CpuRecurrentOps::workspace_bytes(const RecurrentLimits& limits) const {
  return static_cast<std::size_t>(step_floats(limits)) * sizeof(float);
}

void CpuRecurrentOps::reserve(const RecurrentLimits& limits) {
  buffer_ = allocate_host_memory(workspace_bytes(limits));
  limits_ = limits;
  const auto sequences = static_cast<std::size_t>(limits.sequences);
  for (auto* list : {&order_, &begins_, &lengths_}) list->reserve(sequences);
}

CpuRecurrentOps::Sizes CpuRecurrentOps::check(const LstmSaved& saved, const ConstTensorView& y,
                                              const LstmCell& cell,
                                              const PackedSequences& packing) const {
  check_rank({kOperation, "recurrent"}, cell.recurrent, 2);
  const Sizes s{y.rows(), packing.offsets.rows() - 1, cell.recurrent.shape()[0] / 4,
                cell.recurrent.shape()[1], cell.projection.present()};
  check_f32({kOperation, "recurrent"}, cell.recurrent, {4 * s.cells, s.outputs});
  check_optional_f32({kOperation, "projection"}, cell.projection, {s.outputs, s.cells});
  if (!s.projected) check_f32({kOperation, "recurrent"}, cell.recurrent, {4 * s.cells, s.cells});
  check_f32({kOperation, "y"}, y, {s.tokens, s.outputs});
  check_f32({kOperation, "gates"}, saved.gates, {s.tokens, 4 * s.cells});
  check_f32({kOperation, "cell"}, saved.cell, {s.tokens, s.cells});
  check_f32({kOperation, "previous"}, saved.previous, {s.tokens, s.outputs});
  if (s.projected) check_f32({kOperation, "memory"}, saved.memory, {s.tokens, s.cells});
  check_indices({kOperation, "offsets"}, packing.offsets, s.sequences + 1, s.tokens + 1);
  if (s.tokens > limits_.tokens || s.sequences > limits_.sequences || s.cells > limits_.cells ||
      s.outputs > limits_.outputs) {
    throw Error(fmt::format(
        "{}: {} tokens, {} sequences, {} cells and {} outputs exceed the workspace reserved for "
        "{}, {}, {} and {}; call reserve() with larger limits before the first step",
        kOperation, s.tokens, s.sequences, s.cells, s.outputs, limits_.tokens, limits_.sequences,
        limits_.cells, limits_.outputs));
  }
  return s;
}

CpuRecurrentOps::StepRows CpuRecurrentOps::step_rows(const Sizes& s) const {
  StepRows rows{};
  float* next = static_cast<float*>(buffer_.data());
  const auto take = [&](std::int64_t floats) { return std::exchange(next, next + floats); };
  rows.state = take(s.sequences * s.outputs);
  rows.cell = take(s.sequences * s.cells);
  rows.memory = s.projected ? take(s.sequences * s.cells) : rows.state;
  rows.gates = take(s.sequences * 4 * s.cells);
  rows.dstate = take(s.tokens * s.outputs);
  return rows;
}

void CpuRecurrentOps::order_sequences(const ConstTensorView& offsets) {
  const auto* offset = offsets.as<std::int32_t>();
  const auto count = static_cast<std::size_t>(offsets.rows() - 1);
  order_.resize(count);
  std::iota(order_.begin(), order_.end(), 0);
  const auto length = [offset](std::int32_t n) { return offset[n + 1] - offset[n]; };
  // Ties by index: std::stable_sort would allocate.
  std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
    return length(a) != length(b) ? length(a) > length(b) : a < b;
  });
  begins_.resize(count);
  lengths_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    begins_[i] = offset[order_[i]];
    lengths_[i] = length(order_[i]);
  }
}

std::int64_t CpuRecurrentOps::active(std::int64_t step) const {
  const auto end = std::partition_point(lengths_.begin(), lengths_.end(),
                                        [step](std::int32_t length) { return length > step; });
  return end - lengths_.begin();
}

std::int64_t CpuRecurrentOps::row_of(std::int64_t place, std::int64_t step,
                                     Direction direction) const {
  const auto i = static_cast<std::size_t>(place);
  return direction == Direction::forward ? begins_[i] + step : begins_[i] + lengths_[i] - 1 - step;
}

// y [rows, columns of op(w)] = a op(w)
void CpuRecurrentOps::multiply(float* y, const float* a, const ConstTensorView& w,
                               Transpose transpose, std::int64_t rows) const {
  const bool transposed = transpose == Transpose::yes;
  const std::int64_t n = w.shape()[transposed ? 0 : 1];
  const std::int64_t k = w.shape()[transposed ? 1 : 0];
  matrices_.multiply({.y = y,
                      .leading = n,
                      .a = {a, k, Transpose::no, DType::f32},
                      .b = {w.data(), w.shape()[1], transpose, DType::f32},
                      .m = rows,
                      .n = n,
                      .k = k});
}

// dw += dy^T x
void CpuRecurrentOps::add_outer(TensorView dw, const float* dy, const ConstTensorView& x) const {
  matrices_.multiply({.y = dw.data(),
                      .leading = dw.shape()[1],
                      .a = {dy, dw.shape()[0], Transpose::yes, DType::f32},
                      .b = {x.data(), x.shape()[1], Transpose::no, DType::f32},
                      .m = dw.shape()[0],
                      .n = dw.shape()[1],
                      .k = x.rows(),
                      .beta = 1.0f});
}

struct CpuRecurrentOps::Forward {
  Sizes sizes;
  StepRows step;
  const LstmCell& cell;
  const LstmSaved& saved;
  const float* pre;
  float* y;
};

// Gates, cell and memory of one token. sigmoid x = (1 + tanh(x / 2)) / 2.
void CpuRecurrentOps::forward_row(const Forward& f, std::int64_t place, std::int64_t row,
                                  bool first) const {
  const std::int64_t c = f.sizes.cells;
  float* gates = f.saved.gates.as<float>() + row * 4 * c;
  const float* pre = f.pre + row * 4 * c;
  const float* recurrent = f.step.gates + place * 4 * c;
  for (std::int64_t k = 0; k < 4 * c; ++k) {
    const bool is_tanh = k >= 2 * c && k < 3 * c;
    gates[k] = (first ? pre[k] : pre[k] + recurrent[k]) * (is_tanh ? 1.0f : 0.5f);
  }
  kernels_.activation.activation(gates, gates, 4 * c, Activation::tanh);
  float* cell = f.saved.cell.as<float>() + row * c;
  float* state = f.step.cell + place * c;
  float* memory = f.step.memory + place * c;
  for (std::int64_t k = 0; k < c; ++k) {
    float* gate = gates + k;
    for (const std::int64_t sigmoid : {0, 1, 3})
      gate[sigmoid * c] = 0.5f + 0.5f * gate[sigmoid * c];
    const float before = first ? 0.0f : state[k];
    cell[k] = state[k] = clipped(gate[0] * gate[2 * c] + gate[c] * before, f.cell.cell_clip);
  }
  kernels_.activation.activation(memory, state, c, Activation::tanh);
  for (std::int64_t k = 0; k < c; ++k) memory[k] *= gates[3 * c + k];
  if (f.sizes.projected) std::copy_n(memory, c, f.saved.memory.as<float>() + row * c);
}

void CpuRecurrentOps::output_row(const Forward& f, std::int64_t place, std::int64_t row) const {
  const std::int64_t p = f.sizes.outputs;
  float* state = f.step.state + place * p;
  for (std::int64_t k = 0; k < p; ++k) {
    f.y[row * p + k] = state[k] = clipped(state[k], f.cell.projection_clip);
  }
}

void CpuRecurrentOps::lstm(TensorView y, const LstmSaved& saved, ConstTensorView pre,
                           const LstmCell& cell, const PackedSequences& packing,
                           Direction direction) {
  const Sizes sizes = check(saved, y, cell, packing);
  check_f32({kOperation, "pre"}, pre, {sizes.tokens, 4 * sizes.cells});
  order_sequences(packing.offsets);
  const Forward f{sizes, step_rows(sizes), cell, saved, pre.as<float>(), y.as<float>()};
  const std::int64_t p = sizes.outputs;
  auto* previous = saved.previous.as<float>();
  const std::int64_t steps = lengths_.empty() ? 0 : lengths_.front();
  for (std::int64_t s = 0; s < steps; ++s) {
    const std::int64_t count = active(s);
    if (s > 0) multiply(f.step.gates, f.step.state, cell.recurrent, Transpose::yes, count);
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = row_of(i, s, direction);
      if (s == 0) std::fill_n(previous + row * p, p, 0.0f);
      if (s > 0) std::copy_n(f.step.state + i * p, p, previous + row * p);
      forward_row(f, i, row, s == 0);
    }
    if (sizes.projected) {
      multiply(f.step.state, f.step.memory, cell.projection, Transpose::yes, count);
    }
    for (std::int64_t i = 0; i < count; ++i) output_row(f, i, row_of(i, s, direction));
  }
}

struct CpuRecurrentOps::Backward {
  Sizes sizes;
  StepRows step;  // state: dh of the step before, cell: dc of it, gates: dpre
  const RecurrentOps::LstmBackward& input;
  float* dpre;
};

// dh of a token, 0 where clipped, to where the projection's gradient takes it.
void CpuRecurrentOps::state_gradient_row(const Backward& b, std::int64_t place,
                                         std::int64_t row) const {
  const std::int64_t p = b.sizes.outputs;
  const float* dy = b.input.dy.as<float>() + row * p;
  const float* y = b.input.y.as<float>() + row * p;
  float* dstate = b.step.state + place * p;
  for (std::int64_t k = 0; k < p; ++k) {
    dstate[k] = was_clipped(y[k], b.input.cell.projection_clip) ? 0.0f : dstate[k] + dy[k];
  }
  std::copy_n(dstate, p, b.step.dstate + row * p);
}

// `previous` is the row of the token before, or -1.
void CpuRecurrentOps::gate_gradient_row(const Backward& b, std::int64_t place, std::int64_t row,
                                        std::int64_t previous) const {
  const std::int64_t c = b.sizes.cells;
  const float* cells = b.input.saved.cell.as<float>();
  const float* gates = b.input.saved.gates.as<float>() + row * 4 * c;
  const float* dmemory = b.step.memory + place * c;
  float* dcell = b.step.cell + place * c;
  float* dgates = b.step.gates + place * 4 * c;
  for (std::int64_t k = 0; k < c; ++k) {
    const float in = gates[k], forget = gates[c + k], fresh = gates[2 * c + k],
                out = gates[3 * c + k];
    const float cell = cells[row * c + k];
    const float before = previous < 0 ? 0.0f : cells[previous * c + k];
    const float shown = std::tanh(cell);
    const float dout = dmemory[k] * shown;
    float dc = dcell[k] + dmemory[k] * out * (1 - shown * shown);
    if (was_clipped(cell, b.input.cell.cell_clip)) dc = 0;
    dgates[k] = dc * fresh * in * (1 - in);
    dgates[c + k] = dc * before * forget * (1 - forget);
    dgates[2 * c + k] = dc * in * (1 - fresh * fresh);
    dgates[3 * c + k] = dout * out * (1 - out);
    dcell[k] = dc * forget;
  }
  std::copy_n(dgates, 4 * c, b.dpre + row * 4 * c);
}

void CpuRecurrentOps::lstm_backward(TensorView dpre, const LstmGradients& gradients,
                                    const LstmBackward& input) {
  const Sizes sizes = check(input.saved, input.y, input.cell, input.packing);
  check_f32({"lstm_backward", "dy"}, input.dy, {sizes.tokens, sizes.outputs});
  check_f32({"lstm_backward", "dpre"}, dpre, {sizes.tokens, 4 * sizes.cells});
  check_f32({"lstm_backward", "drecurrent"}, gradients.recurrent, input.cell.recurrent.shape());
  order_sequences(input.packing.offsets);
  const Backward b{sizes, step_rows(sizes), input, dpre.as<float>()};
  std::fill_n(b.step.state, sizes.sequences * sizes.outputs, 0.0f);
  std::fill_n(b.step.cell, sizes.sequences * sizes.cells, 0.0f);
  const std::int64_t steps = lengths_.empty() ? 0 : lengths_.front();
  for (std::int64_t s = steps; s-- > 0;) {
    const std::int64_t count = active(s);
    for (std::int64_t i = 0; i < count; ++i) {
      state_gradient_row(b, i, row_of(i, s, input.direction));
    }
    if (sizes.projected) {
      multiply(b.step.memory, b.step.state, input.cell.projection, Transpose::no, count);
    }
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t before = s == 0 ? -1 : row_of(i, s - 1, input.direction);
      gate_gradient_row(b, i, row_of(i, s, input.direction), before);
    }
    if (s > 0) multiply(b.step.state, b.step.gates, input.cell.recurrent, Transpose::no, count);
  }
  if (sizes.tokens == 0) return;
  add_outer(gradients.recurrent, b.dpre, input.saved.previous);
  if (sizes.projected) {
    check_f32({"lstm_backward", "dprojection"}, gradients.projection,
              input.cell.projection.shape());
    add_outer(gradients.projection, b.step.dstate, input.saved.memory);
  }
}

}  // namespace bertyard
