// SPDX-License-Identifier: Apache-2.0
#include "launch/matrix_peak.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "core/backend/layer_ops.h"
#include "core/backend/update_ops.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

struct ProductSize {
  std::int64_t rows, size;
};
// What suits the device.
ProductSize product_size(DeviceKind kind) {
  return kind == DeviceKind::cuda ? ProductSize{8192, 8192} : ProductSize{1024, 768};
}
constexpr double kSeconds = 0.5;  // of repetitions

// Device memory with an uneven pattern around 0: zeros may be faster than numbers.
Buffer filled(Device& device, TensorView& view, std::int64_t rows, std::int64_t columns) {
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((i * 2654435761u) % 1000) / 500.0f - 1.0f;
  }
  Buffer buffer = device.allocate(values.size() * sizeof(float));
  view = TensorView(buffer.data(), DType::f32, {rows, columns});
  device.copy(view, view_of(std::span<const float>(values)).reshaped({rows, columns}),
              CopyDirection::host_to_device, device.compute_stream());
  device.synchronize();
  return buffer;
}

}  // namespace

double measure_matrix_peak(Device& device, DType activations) {
  const DeviceKind kind = device.info().kind;
  const auto [rows, size] = product_size(kind);
  if (kind == DeviceKind::cuda) {
    device.layer_ops().reserve({.tokens = rows,
                                .hidden = size,
                                .heads = 1,
                                .vocab_size = size,
                                .activations = activations});
  }
  TensorView wide, w;
  const Buffer inputs = filled(device, wide, rows, size), weights = filled(device, w, size, size);
  const std::size_t bytes = static_cast<std::size_t>(rows * size) * size_of(activations);
  const Buffer narrow = device.allocate(bytes), outputs = device.allocate(bytes);
  const TensorView x(narrow.data(), activations, {rows, size});
  const TensorView y(outputs.data(), activations, {rows, size});
  device.update_ops().cast(x, wide, device.compute_stream());
  const double operations = 2.0 * static_cast<double>(rows * size) * static_cast<double>(size);
  double best = 0;
  const Clock::time_point start = Clock::now();
  const auto seconds_since = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  do {
    const Clock::time_point begin = Clock::now();
    device.layer_ops().linear(y, {}, {.x = x, .w = w, .bias = {}});
    device.synchronize();
    best = std::max(best, operations / seconds_since(begin));
  } while (seconds_since(start) < kSeconds);
  return best;
}

}  // namespace bertyard
