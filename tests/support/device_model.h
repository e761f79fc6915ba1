// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "core/optim/optimizer.h"
#include "train/device_batch.h"
#include "train/model_memory.h"
#include "train/pretraining_objective.h"

namespace bertyard::testing {

// A pre-training model on any device, put together as the trainer does it, with its values set from
// and its gradients read into host memory.
class DeviceModel {
 public:
  DeviceModel(std::unique_ptr<Device> device, const ModelConfig& config,
              const Capacities& capacities)
      : device_(std::move(device)),
        objective_(config, SentenceObjective::next_sentence, 7),
        optimizer_(OptimizerOptions{}, objective_.parameters()),
        memory_(objective_, batch_, &optimizer_, capacities) {
    memory_.allocate(*device_);
  }

  Device& device() { return *device_; }
  const ParameterStore& parameters() const { return objective_.parameters(); }
  Optimizer& optimizer() { return optimizer_; }
  PretrainingObjective& objective() { return objective_; }
  DeviceBatch& batch() { return batch_; }
  PackedInput upload(const Batch& batch) { return batch_.upload(batch); }

  void set_values(std::span<const float> values) {
    device_->copy(parameters().values(), view_of(values), CopyDirection::host_to_device,
                  device_->compute_stream());
    device_->synchronize();
    device_->layer_ops().weights_changed();
  }
  // Forward and backward, means over the micro-batch.
  PretrainingScores train(const Batch& batch) {
    const StepCounts counts{batch.masked_count(), batch.sequence_count()};
    device_->set_zero(parameters().gradients(), device_->compute_stream());
    objective_.begin(counts);
    objective_.train(upload(batch), {});
    std::vector<double> sums(PretrainingObjective::kSums);
    device_->copy(view_of(std::span(sums)), objective_.sums(), CopyDirection::device_to_host,
                  device_->compute_stream());
    device_->synchronize();
    return scores_of(sums, counts);
  }
  std::vector<float> on_host(const TensorView& view) {
    std::vector<float> values(static_cast<std::size_t>(view.elements()));
    device_->copy(view_of(std::span(values)), view, CopyDirection::device_to_host,
                  device_->compute_stream());
    device_->synchronize();
    return values;
  }

 private:
  std::unique_ptr<Device> device_;
  PretrainingObjective objective_;
  Optimizer optimizer_;
  DeviceBatch batch_;
  ModelMemory memory_;
};

}  // namespace bertyard::testing
