// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/task_evaluation.h"

#include <algorithm>
#include <array>
#include <bit>

#include "data/batches/batch_stream.h"

namespace bertyard {
namespace {

// Logits of one sample: classes, labelled words times labels, or tokens times two.
std::int64_t width(const SampleShape& shape, const HeadConfig& head) {
  if (head.kind == HeadKind::tag) return shape.masked * head.labels;
  if (head.kind == HeadKind::span) return shape.length * 2;
  return head.labels;
}

std::vector<float> on_host(Device& device, ConstTensorView view) {
  std::vector<float> values(static_cast<std::size_t>(view.elements()));
  if (view.dtype() == DType::bf16) {
    std::vector<BFloat16> narrow(values.size());
    device.copy(view_of(std::span(narrow)).reshaped(view.shape()), view,
                CopyDirection::device_to_host, device.compute_stream());
    device.synchronize();
    std::transform(narrow.begin(), narrow.end(), values.begin(), [](BFloat16 value) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
    });
    return values;
  }
  device.copy(view_of(std::span(values)).reshaped(view.shape()), view,
              CopyDirection::device_to_host, device.compute_stream());
  device.synchronize();
  return values;
}

// A sample without a label has no loss, but where numbers are wanted: there its target was 0.
double unlabelled_loss(const TaskSet& set, const HeadConfig& head, const TaskOutputs& outputs) {
  double sum = 0;
  if (head.kind != HeadKind::regress) return sum;
  const std::vector<TextExample>& texts = set.examples().texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].label) sum += outputs.of(i)[0] * outputs.of(i)[0];
  }
  return sum;
}

BatchStreamOptions stream_options(const TaskSet& set, const Communicator& communicator,
                                  const MicroBatchCapacities& capacities) {
  BatchStreamOptions options;
  options.rank = communicator.rank();
  options.world = communicator.size();
  options.global_batch = capacities.sequences * communicator.size() * 4;
  options.max_length = static_cast<int>(std::max<std::int64_t>(5, set.properties().max_length));
  options.capacities = capacities;
  options.order = StreamOrder::sequential;
  options.prefetch = 2;
  return options;
}

}  // namespace

TaskOutputs run_task(TaskObjective& objective, DeviceBatch& device_batch, Device& device,
                     Communicator& communicator, const TaskSet& set,
                     const MicroBatchCapacities& capacities, Pulse* pulse) {
  const HeadConfig& head = objective.model().head_config();
  TaskOutputs outputs;
  outputs.first.push_back(0);
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    outputs.first.push_back(outputs.first.back() +
                            static_cast<std::size_t>(width(set.shape(i), head)));
  }
  outputs.logits.assign(outputs.first.back(), 0.0);
  BatchStream stream(set, nullptr, stream_options(set, communicator, capacities));
  device_batch.resize(capacities, set.properties().max_length);
  objective.begin({});
  while (const auto step = stream.next()) {
    for (const Batch& batch : step->micro_batches) {
      if (pulse != nullptr) pulse->tick();
      const PackedInput input = device_batch.upload(batch);
      objective.evaluate(input);
      const std::vector<float> logits = on_host(device, objective.logits(input));
      std::size_t at = 0;
      for (const std::uint64_t id : batch.sample_ids) {
        const std::size_t count = outputs.first[id + 1] - outputs.first[id];
        std::copy_n(logits.begin() + static_cast<std::ptrdiff_t>(at), count,
                    outputs.logits.begin() + static_cast<std::ptrdiff_t>(outputs.first[id]));
        at += count;
      }
    }
  }
  std::array<double, TaskObjective::kSums> sums{};
  device.copy(view_of(std::span<double>(sums)), objective.sums().slice(0, std::ssize(sums)),
              CopyDirection::device_to_host, device.compute_stream());
  device.synchronize();
  communicator.all_reduce_sum(view_of(std::span<double>(sums))).wait();
  communicator.all_reduce_sum(view_of(std::span(outputs.logits))).wait();
  const std::uint64_t over = set.labelled();
  if (over > 0) {
    outputs.loss = (sums[0] - unlabelled_loss(set, head, outputs)) / static_cast<double>(over);
  }
  return outputs;
}

}  // namespace bertyard
