// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/task_products.h"

#include <algorithm>

#include "launch/run/kernel_choices.h"

namespace bertyard {
namespace {

// Sequences of one token each; on its way to the GPU the batch is filled up with tokens.
Batch short_sequences(std::int32_t count, HeadKind head) {
  Batch batch = blank_sequences(count, 1);
  const auto size = static_cast<std::size_t>(count);
  if (head == HeadKind::tag) batch.masked_rows = batch.masked_labels = {0};
  if (head == HeadKind::classify) batch.task_labels.assign(size, 0);
  if (head == HeadKind::span) batch.task_labels.assign(2 * size, 0);
  if (head == HeadKind::regress) batch.task_values.assign(size, 0);
  return batch;
}

}  // namespace

void meet_products(FinetuneSetup& setup) {
  setup.initialize_weights();
  const PlannedPhase& phase = setup.plan.phases().front();
  setup.batch.resize(phase.capacities, phase.max_length);
  const std::int64_t most = std::min(phase.capacities.sequences, phase.capacities.tokens);
  for (std::int32_t count = 1; count <= most; ++count) {
    const Batch batch = short_sequences(count, setup.head.head.kind);
    setup.objective.begin({batch.masked_count(), count, count});
    setup.objective.train(setup.batch.upload(batch), {});
    setup.objective.evaluate(setup.batch.upload(batch));
  }
  setup.device->synchronize();
}

}  // namespace bertyard
