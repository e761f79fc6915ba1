// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/backend/update_ops.h"
#include "core/base/error.h"
#include "core/base/philox.h"
#include "tests/core/backend/reference_ops.h"

namespace bertyard::testing {

// f32 values on the host with a shape, and their double copies for the reference.
struct HostTensor {
  Shape shape;
  std::vector<float> values;

  explicit HostTensor(Shape s, float value = 0)
      : shape(s), values(static_cast<std::size_t>(s.elements()), value) {}
  HostTensor(Shape s, std::vector<float> v) : shape(s), values(std::move(v)) {}

  TensorView view() { return {values.data(), DType::f32, shape}; }
  ConstTensorView read() const { return {values.data(), DType::f32, shape}; }
  Matrix matrix() const {
    Matrix m(shape[0], shape.row_elements());
    m.values.assign(values.begin(), values.end());
    return m;
  }
  Values doubles() const { return {values.begin(), values.end()}; }
};

// Uniform in [-scale, scale), a function of the seed.
inline HostTensor random_tensor(Shape shape, std::uint64_t seed, double scale = 1) {
  HostTensor tensor(shape);
  PhiloxSequence draws(seed, RandomPurpose::initialization, 0, 0);
  for (float& value : tensor.values) {
    value = static_cast<float>((2 * draws.next_unit() - 1) * scale);
  }
  return tensor;
}

// Largest difference, and how large the expected values are: tolerances are relative to the latter.
inline void expect_near(const HostTensor& found, const Values& expected, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(found.values.size(), expected.size()) << what;
  double largest = 1e-30;
  for (const double value : expected) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found.values[i], expected[i], tolerance * std::max(1.0, largest))
        << what << "[" << i << "]";
  }
}

// Token tags for dropout: `lengths.size()` samples from `first_sample`, positions from 0.
struct TokenTags {
  std::vector<std::uint64_t> sample;
  std::vector<std::int32_t> position;
  std::vector<std::int32_t> offsets{0};

  explicit TokenTags(const std::vector<std::int32_t>& lengths,
                     std::uint64_t first_sample = 0x123456789ABu) {
    for (const std::int32_t length : lengths) {
      for (std::int32_t p = 0; p < length; ++p) {
        sample.push_back(first_sample);
        position.push_back(p);
      }
      ++first_sample;
      offsets.push_back(static_cast<std::int32_t>(sample.size()));
    }
  }
  std::int64_t tokens() const { return static_cast<std::int64_t>(sample.size()); }
  Dropout dropout(double probability, DropoutSite site) const {
    return {.probability = probability,
            .seed = 0xFEDCBA9876543210u,
            .layer = 3,
            .site = site,
            .sample = view_of(std::span(sample)),
            .position = view_of(std::span(position))};
  }
};

// Expects `call` to throw an error whose message contains `part`.
template <typename Call>
void expect_error(Call call, const std::string& part) {
  try {
    call();
    ADD_FAILURE() << "expected an error that says: " << part;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

// A CPU device with the instruction set that the test is instantiated for, two threads unless said
// otherwise; skips where the processor lacks it.
class CpuOpsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      device_ = make_cpu_device({.threads = 2, .instruction_set = GetParam()});
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
    ops().reserve({.tokens = 640,
                   .masked = 64,
                   .sequences = 16,
                   .max_length = 200,
                   .hidden = 4096,
                   .heads = 32,
                   .intermediate = 4096,
                   .vocab_size = 1000});
  }
  LayerOps& ops() { return device_->layer_ops(); }
  UpdateOps& updates() { return device_->update_ops(); }

  std::unique_ptr<Device> device_;
};

inline auto instruction_sets() {
  return ::testing::Values("generic", "avx2", "avx512", "avx512_bf16");
}
inline std::string instruction_set_name(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}

}  // namespace bertyard::testing
