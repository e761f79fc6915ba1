// SPDX-License-Identifier: Apache-2.0
#include "tests/core/backend/device_fixture.h"

#include <algorithm>

namespace bertyard::testing {
namespace {

template <typename T>
std::vector<T> narrowed(const std::vector<float>& values, T (*convert)(float)) {
  std::vector<T> result;
  std::transform(values.begin(), values.end(), std::back_inserter(result), convert);
  return result;
}

template <typename T>
std::vector<float> widened(const std::vector<T>& values) {
  std::vector<float> result;
  for (const T& value : values) result.push_back(to_float(value));
  return result;
}

}  // namespace

DeviceTensor DeviceOps::put(const HostTensor& values, DType type) {
  DeviceTensor tensor{{}, {}, values};
  TensorView flat;
  if (type == DType::f32) {
    flat = put_values(values.values);
  } else if (type == DType::bf16) {
    const auto bits = narrowed(values.values, to_bfloat16);
    flat = put_values(bits);
    tensor.host.values = widened(bits);
  } else {
    const auto bits = narrowed(values.values, to_float16);
    flat = put_values(bits);
    tensor.host.values = widened(bits);
  }
  tensor.buffer = std::move(kept_.back());
  kept_.pop_back();
  tensor.view = flat.reshaped(values.shape);
  return tensor;
}

HostTensor DeviceOps::get(const TensorView& view) {
  if (view.dtype() == DType::f32) return {view.shape(), values_of<float>(view)};
  if (view.dtype() == DType::bf16) return {view.shape(), widened(values_of<BFloat16>(view))};
  return {view.shape(), widened(values_of<Float16>(view))};
}

Dropout DeviceOps::on_device(const Dropout& dropout) {
  Dropout result = dropout;
  const auto samples = dropout.sample.span<std::uint64_t>();
  const auto positions = dropout.position.span<std::int32_t>();
  result.sample = put_values(std::vector<std::uint64_t>(samples.begin(), samples.end()));
  result.position = put_values(std::vector<std::int32_t>(positions.begin(), positions.end()));
  return result;
}

}  // namespace bertyard::testing
