// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "train/objective.h"

namespace bertyard {

// Whether other ranks get the gradients of a micro-batch while backward goes on.
enum class ReducedMeanwhile { no, yes };

// An objective whose forward and backward of a micro-batch are recorded once for each shape and
// then replayed: a CUDA graph, which costs the host one call where there were hundreds. The first
// micro-batch of a shape runs as it is, the second is recorded. The gradients of a replay are ready
// all at once, at the end; where they are reduced meanwhile, a micro-batch whose gradients somebody
// waits for runs as it is. Inputs must come to the same addresses every time, as DeviceBatch brings
// them, and what changes from step to step is read from device memory. Borrows objective and
// device; goes before memory and communicators do.
class CapturedObjective final : public Objective {
 public:
  CapturedObjective(Objective& objective, Device& device, ReducedMeanwhile reduced)
      : objective_(objective), device_(device), reduced_(reduced) {}

  ParameterStore& parameters() override { return objective_.parameters(); }
  const ParameterStore& parameters() const override;
  const ModelConfig& config() const override { return objective_.config(); }
  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  void bind(const Arena& arena, Device& device) override;
  void begin(const StepCounts& counts) override { objective_.begin(counts); }
  void train(const PackedInput& input, const GradientsReady& ready) override;
  void evaluate(const PackedInput& input) override { objective_.evaluate(input); }
  TensorView sums() const override { return objective_.sums(); }

  std::int64_t replayed() const { return replayed_; }  // micro-batches

 private:
  // Sizes and the optional inputs that are there: what decides the calls of a micro-batch.
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool, bool, bool,
                         std::int64_t, std::int64_t>;
  static Key key_of(const PackedInput& input);

  Objective& objective_;
  Device& device_;
  ReducedMeanwhile reduced_;
  // A task's micro-batches come in many sizes, and a graph takes memory that nobody planned.
  static constexpr std::size_t kMostGraphs = 32;
  std::map<Key, std::unique_ptr<Graph>> graphs_;  // null: has run once
  std::int64_t replayed_ = 0;
};

}  // namespace bertyard
