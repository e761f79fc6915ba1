// SPDX-License-Identifier: Apache-2.0
#include "launch/plan/matrix_peak.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "core/backend/layer_ops.h"
#include "core/backend/update_ops.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

// Of a CPU's product, and of a GPU's the largest that is tried.
constexpr std::int64_t kCpuRows = 1024, kCpuSize = 768, kGpuSize = 8192, kSmallestGpuSize = 128;
constexpr double kLongEnough = 0.01;  // seconds; a product of that length hides its launch
constexpr double kSeconds = 0.5;      // of repetitions

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

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

// y[rows, size] = x[rows, size] w[size, size] in memory of its own.
class Product {
 public:
  Product(Device& device, DType activations, std::int64_t rows, std::int64_t size)
      : device_(device), rows_(rows), size_(size) {
    if (device.info().kind == DeviceKind::cuda) {
      device.layer_ops().reserve({.tokens = rows,
                                  .hidden = size,
                                  .heads = 1,
                                  .vocab_size = size,
                                  .activations = activations});
    }
    TensorView wide;
    inputs_ = filled(device, wide, rows, size);
    weights_ = filled(device, w_, size, size);
    const std::size_t bytes = static_cast<std::size_t>(rows * size) * size_of(activations);
    narrow_ = device.allocate(bytes);
    outputs_ = device.allocate(bytes);
    x_ = TensorView(narrow_.data(), activations, {rows, size});
    y_ = TensorView(outputs_.data(), activations, {rows, size});
    device.update_ops().cast(x_, wide, device.compute_stream());
    run();  // chooses an algorithm, loads a kernel
  }
  double operations() const {
    return 2.0 * static_cast<double>(rows_ * size_) * static_cast<double>(size_);
  }
  double run() {
    const Clock::time_point begin = Clock::now();
    device_.layer_ops().linear(y_, {}, {.x = x_, .w = w_, .bias = {}});
    device_.synchronize();
    return seconds_since(begin);
  }

 private:
  Device& device_;
  std::int64_t rows_, size_;
  Buffer inputs_, weights_, narrow_, outputs_;
  TensorView x_, y_, w_;
};

// The smallest power of two whose product is long enough, or the largest.
std::int64_t gpu_size(Device& device, DType activations) {
  std::int64_t size = kSmallestGpuSize;
  while (size < kGpuSize && Product(device, activations, size, size).run() < kLongEnough) size *= 2;
  return size;
}

}  // namespace

MatrixPeak measure_matrix_peak(Device& device, DType activations) {
  const bool gpu = device.info().kind == DeviceKind::cuda;
  MatrixPeak peak;
  peak.size = gpu ? gpu_size(device, activations) : kCpuSize;
  peak.rows = gpu ? peak.size : kCpuRows;
  Product product(device, activations, peak.rows, peak.size);
  const Clock::time_point start = Clock::now();
  do {
    peak.flops = std::max(peak.flops, product.operations() / product.run());
  } while (seconds_since(start) < kSeconds);
  return peak;
}

}  // namespace bertyard
