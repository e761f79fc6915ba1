// SPDX-License-Identifier: Apache-2.0
#include "train/evaluation.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/base/error.h"

namespace bertyard {
namespace {

BatchStreamOptions stream_options(const EvaluationData& data, const Communicator& communicator) {
  BatchStreamOptions options;
  options.seed = data.seed;
  options.rank = communicator.rank();
  options.world = communicator.size();
  // Some micro-batches a rank and step, so that packing has something to choose from.
  options.global_batch = data.capacities.sequences * communicator.size() * 4;
  options.max_length = data.max_length;
  options.capacities = data.capacities;
  options.targets = data.targets;
  options.order = StreamOrder::sequential;
  options.sample_limit = data.sample_limit;
  options.prefetch = 2;
  return options;
}

}  // namespace

PretrainingEvaluation evaluate(PretrainingObjective& objective, DeviceBatch& device_batch,
                               Device& device, Communicator& communicator,
                               const EvaluationData& data, Pulse* pulse) {
  BatchStream stream(data.source, data.masker, stream_options(data, communicator));
  PretrainingEvaluation result;
  device_batch.resize(data.capacities, data.max_length);
  objective.begin({});
  while (const auto step = stream.next()) {
    for (const Batch& batch : step->micro_batches) {
      if (pulse != nullptr) pulse->tick();
      objective.evaluate(device_batch.upload(batch));
    }
    result.counts.masked += step->masked;
    result.counts.samples += step->samples;
  }
  std::array<double, PretrainingObjective::kSums> sums{};
  device.copy(view_of(std::span<double>(sums)), objective.sums().slice(0, std::ssize(sums)),
              CopyDirection::device_to_host, device.compute_stream());
  device.synchronize();
  communicator.all_reduce_sum(view_of(std::span<double>(sums))).wait();
  result.scores = scores_of(sums, result.counts);
  return result;
}

}  // namespace bertyard
