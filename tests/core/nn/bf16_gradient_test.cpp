// SPDX-License-Identifier: Apache-2.0
// The whole model in bf16 beside itself in f32, whose gradients gradient_test.cpp holds against
// central differences: every tensor's gradient points the same way, up to bf16's rounding.
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/pretraining_rig.h"

namespace bertyard {
namespace {

using testing::PackedExample;
using testing::PretrainingRig;

ModelConfig small_config() {
  ModelConfig config;
  config.vocab_size = 211;
  config.layers = 3;
  config.hidden = 64;
  config.heads = 4;
  config.intermediate = 160;
  config.max_positions = 64;
  config.init_range = 0.1;
  return config;
}

struct Comparison {
  double dot = 0, wide = 0, narrow = 0;
  double cosine() const { return dot / std::sqrt(wide * narrow); }
};

Comparison compare(const TensorView& wide, const TensorView& narrow) {
  Comparison result;
  for (std::int64_t i = 0; i < wide.elements(); ++i) {
    const double a = wide.as<float>()[i], b = narrow.as<float>()[i];
    result.dot += a * b;
    result.wide += a * a;
    result.narrow += b * b;
  }
  return result;
}

TEST(Bf16Gradients, PointWhereThoseOfFloat32Do) {
  const ModelConfig config = small_config();
  const PackedExample example({40, 17, 64, 31, 5}, 211, 2, 3);
  Capacities narrow_capacities = example.capacities();
  narrow_capacities.activations = DType::bf16;
  PretrainingRig wide(config, example.capacities(), 1), narrow(config, narrow_capacities, 1);
  if (!narrow.device().computes(DType::bf16)) {
    GTEST_SKIP() << "no bf16 products with " << narrow.device().info().libraries << " here";
  }

  const auto wide_losses = wide.forward_backward(example.view());
  const auto narrow_losses = narrow.forward_backward(example.view());

  EXPECT_NEAR(narrow_losses.mlm, wide_losses.mlm, 5e-3 * wide_losses.mlm);
  EXPECT_NEAR(narrow_losses.sentence, wide_losses.sentence, 2e-2);
  const Comparison all = compare(wide.parameters().gradients(), narrow.parameters().gradients());
  EXPECT_GT(all.cosine(), 0.9995);
  const ParameterStore& store = wide.parameters();
  for (int index = 0; index < store.size(); ++index) {
    const ParameterId id{index};
    const Comparison one = compare(store.gradient(id), narrow.parameters().gradient(id));
    // The key biases' gradients are zero in theory: what is there is rounding.
    if (one.wide < 1e-8 * all.wide) continue;
    EXPECT_GT(one.cosine(), 0.99) << store.info(id).name;
  }
}

}  // namespace
}  // namespace bertyard
