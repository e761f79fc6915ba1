// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/nn/initialization.h"
#include "core/nn/pretraining_model.h"
#include "core/nn/workspace.h"
#include "tests/support/packed_example.h"

namespace bertyard::testing {

// A pre-training model with its memory on a CPU device: the smallest thing that has a loss and
// gradients. Losses are means over the micro-batch.
class PretrainingRig {
 public:
  PretrainingRig(const ModelConfig& config, const Capacities& capacities, std::uint64_t seed)
      : device_(make_cpu_device({})),
        model_(config, SentenceObjective::next_sentence, store_),
        values_(static_cast<std::size_t>(store_.flat_elements())),
        gradients_(values_.size()) {
    store_.bind(view_of(std::span(values_)), view_of(std::span(gradients_)));
    initialize(store_, config, seed);
    ArenaPlan plan;
    model_.plan(plan, capacities, Mode::training);
    arena_ = Arena(device_->allocate(plan.bytes()));
    WorkspaceLimits limits = workspace_limits(config, capacities);
    limits.weights = store_.flat_elements();
    device_->layer_ops().reserve(limits);
  }

  struct Losses {
    double mlm = 0, sentence = 0;
    double total() const { return mlm + sentence; }
  };

  Losses forward(const PackedInput& input, Mode mode = Mode::training) {
    device_->layer_ops().weights_changed();
    std::fill(sums_.begin(), sums_.end(), 0.0);
    scales_[0] = 1.0f / static_cast<float>(input.masked());
    scales_[1] = 1.0f / static_cast<float>(input.sequences());
    model_.forward(
        pass(input, mode), arena_, *device_, {sum(0), sum(1), sum(2), sum(3)},
        {view_of(std::span(scales_).subspan(0, 1)), view_of(std::span(scales_).subspan(1, 1))});
    device_->synchronize();
    return {sums_[0] / static_cast<double>(input.masked()),
            sums_[2] / static_cast<double>(input.sequences())};
  }

  Losses forward_backward(const PackedInput& input, const GradientsReady& ready = {}) {
    std::fill(gradients_.begin(), gradients_.end(), 0.0f);
    const Losses losses = forward(input);
    model_.backward(pass(input, Mode::training), arena_, ready);
    device_->synchronize();
    return losses;
  }

  ParameterStore& parameters() { return store_; }
  const Arena& arena() const { return arena_; }
  const PretrainingModel& model() const { return model_; }
  Device& device() { return *device_; }

 private:
  Pass pass(const PackedInput& input, Mode mode) {
    return {device_->layer_ops(), store_, input, mode, /*dropout_seed=*/7};
  }
  TensorView sum(std::size_t index) { return view_of(std::span(sums_).subspan(index, 1)); }

  std::unique_ptr<Device> device_;
  ParameterStore store_;
  PretrainingModel model_;
  std::vector<float> values_, gradients_;
  std::vector<double> sums_ = std::vector<double>(4);
  std::vector<float> scales_ = std::vector<float>(2);
  Arena arena_;
};

}  // namespace bertyard::testing
