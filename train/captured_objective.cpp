// SPDX-License-Identifier: Apache-2.0
#include "train/captured_objective.h"

#include <utility>

namespace bertyard {

const ParameterStore& CapturedObjective::parameters() const {
  return std::as_const(objective_).parameters();
}

void CapturedObjective::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  objective_.plan(plan, capacities, mode);
}

void CapturedObjective::bind(const Arena& arena, Device& device) {
  graphs_.clear();  // they know other addresses
  objective_.bind(arena, device);
}

CapturedObjective::Key CapturedObjective::key_of(const PackedInput& input) {
  return {input.tokens(),
          input.sequences(),
          input.masked(),
          input.packing.max_length,
          input.packing.key_mask.present(),
          input.last_rows.present(),
          input.sentence_labels.present(),
          input.task_labels.present() ? input.task_labels.elements() : 0,
          input.task_values.present() ? input.task_values.elements() : 0};
}

void CapturedObjective::train(const PackedInput& input, const GradientsReady& ready) {
  const Key key = key_of(input);
  if (graphs_.size() >= kMostGraphs && !graphs_.contains(key)) {
    device_.synchronize();  // none of them may be running
    graphs_.clear();
  }
  const auto [found, first] = graphs_.try_emplace(key);
  const bool awaited = ready && reduced_ == ReducedMeanwhile::yes;
  if (first || awaited) return objective_.train(input, ready);
  std::unique_ptr<Graph>& graph = found->second;
  if (!graph) graph = device_.capture([&] { objective_.train(input, {}); });
  graph->launch(device_.compute_stream());
  ++replayed_;
  if (ready) ready(parameters().flat_elements());
}

}  // namespace bertyard
