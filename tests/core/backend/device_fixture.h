// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend/cpu/narrow_floats.h"
#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/backend/update_ops.h"
#include "core/base/error.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {

// One table of cases for every backend: a test runs on the CPU and on a GPU (a real one, or the
// emulated one where the program is linked with that), in each type of activations, and compares
// with the float64 references. Where there is no GPU it is skipped with the reason.
using DeviceCase = std::tuple<DeviceKind, DType>;

inline auto device_cases() {
  return ::testing::Combine(::testing::Values(DeviceKind::cpu, DeviceKind::cuda),
                            ::testing::Values(DType::f32, DType::bf16, DType::f16));
}
inline std::string device_case_name(const ::testing::TestParamInfo<DeviceCase>& info) {
  const auto [kind, type] = info.param;
  return std::string(kind == DeviceKind::cpu ? "cpu" : "cuda") + "_" + std::string(name_of(type));
}

// A tensor on the device, and the values it really has after rounding.
struct DeviceTensor {
  Buffer buffer;
  TensorView view;
  HostTensor host;
};

class DeviceOps : public ::testing::TestWithParam<DeviceCase> {
 protected:
  void SetUp() override {
    const auto [kind, type] = GetParam();
    try {
      device_ = kind == DeviceKind::cpu ? make_cpu_device({.threads = 1}) : make_cuda_device({});
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
    type_ = type;
    if (!device_->computes(type_)) GTEST_SKIP() << "no activations of this type on this device";
    ops().reserve({.tokens = 600,
                   .masked = 140,
                   .sequences = 16,
                   .max_length = 200,
                   .hidden = 1600,
                   .heads = 4,
                   .intermediate = 1600,
                   .vocab_size = 1100,
                   .activations = type_});
  }

  LayerOps& ops() { return device_->layer_ops(); }
  UpdateOps& updates() { return device_->update_ops(); }
  Stream& stream() { return device_->compute_stream(); }
  // Of a result of one rounding, relative to the largest element; f32 sums over a few hundred.
  double tolerance() const {
    return type_ == DType::f32 ? 1e-5 : type_ == DType::bf16 ? 8e-3 : 1e-3;
  }

  DeviceTensor put(const HostTensor& values, DType type);
  DeviceTensor put(const HostTensor& values) { return put(values, type_); }
  DeviceTensor put_f32(const HostTensor& values) { return put(values, DType::f32); }
  // Uninitialised where a test must not rely on what was there: 77 everywhere.
  DeviceTensor room(Shape shape, DType type) { return put(HostTensor(shape, 77), type); }
  DeviceTensor room(Shape shape) { return room(shape, type_); }
  DeviceTensor room_f32(Shape shape) { return room(shape, DType::f32); }
  template <typename T>
  TensorView put_values(const std::vector<T>& values) {
    kept_.push_back(device_->allocate(std::max<std::size_t>(values.size() * sizeof(T), 1)));
    const TensorView view(kept_.back().data(), DTypeOf<T>::value,
                          {static_cast<std::int64_t>(values.size())});
    device_->copy(view, view_of(std::span<const T>(values)), CopyDirection::host_to_device,
                  stream());
    device_->synchronize();
    return view;
  }
  template <typename T>
  std::vector<T> values_of(const TensorView& view) {
    std::vector<T> values(static_cast<std::size_t>(view.elements()));
    device_->copy(view_of(std::span<T>(values)).reshaped(view.shape()), view,
                  CopyDirection::device_to_host, stream());
    device_->synchronize();
    return values;
  }
  HostTensor get(const TensorView& view);
  // The same sample and position as `tags`, where the device reads them.
  Dropout on_device(const Dropout& dropout);

  std::unique_ptr<Device> device_;
  DType type_ = DType::f32;
  std::vector<Buffer> kept_;
};

}  // namespace bertyard::testing
