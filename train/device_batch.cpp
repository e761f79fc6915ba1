// SPDX-License-Identifier: Apache-2.0
#include "train/device_batch.h"

#include <span>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

template <typename T>
ConstTensorView copied(const Arena& arena, Device& device, const ArenaSlot& slot,
                       const std::vector<T>& values) {
  const TensorView to = arena.view(slot).slice(0, static_cast<std::int64_t>(values.size()));
  if (!values.empty()) {
    device.copy(to, view_of(std::span<const T>(values)), CopyDirection::host_to_device,
                device.compute_stream());
  }
  return to;
}

}  // namespace

void DeviceBatch::plan(ArenaPlan& plan, const Capacities& capacities) {
  capacities_ = capacities;
  const Shape tokens{capacities.tokens};
  for (ArenaSlot* slot : {&tokens_, &positions_, &segments_}) *slot = plan.add(DType::i32, tokens);
  samples_ = plan.add(DType::u64, tokens);
  key_mask_ = plan.add(DType::u8, tokens);
  offsets_ = plan.add(DType::i32, {capacities.sequences + 1});
  last_rows_ = plan.add(DType::i32, {capacities.sequences});
  sentences_ = plan.add(DType::i32, {capacities.sequences});
  task_labels_ = plan.add(DType::i32, {2 * capacities.sequences});
  task_values_ = plan.add(DType::f32, {capacities.sequences});
  for (ArenaSlot* slot : {&rows_, &labels_}) *slot = plan.add(DType::i32, {capacities.masked});
}

void DeviceBatch::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
}

PackedInput DeviceBatch::upload(const Batch& batch) {
  BERTYARD_CHECK(batch.token_count() <= capacities_.tokens &&
                     batch.sequence_count() <= capacities_.sequences &&
                     batch.masked_count() <= capacities_.masked,
                 fmt::format("micro-batch of {} tokens, {} sequences, {} masked exceeds the "
                             "capacities {}, {}, {}",
                             batch.token_count(), batch.sequence_count(), batch.masked_count(),
                             capacities_.tokens, capacities_.sequences, capacities_.masked));
  const auto put = [&](const ArenaSlot& slot, const auto& values) {
    return copied(*arena_, *device_, slot, values);
  };
  PackedInput input;
  input.indices = {put(tokens_, batch.tokens), put(positions_, batch.positions),
                   put(segments_, batch.segments)};
  input.packing.offsets = put(offsets_, batch.cu_seqlens);
  input.packing.max_length = capacities_.max_length;
  if (!batch.key_mask.empty()) input.packing.key_mask = put(key_mask_, batch.key_mask);
  input.last_rows = put(last_rows_, batch.last_rows);
  input.sample = put(samples_, batch.samples);
  input.masked_rows = put(rows_, batch.masked_rows);
  input.masked_labels = put(labels_, batch.masked_labels);
  if (!batch.next_sentence_labels.empty()) {
    input.sentence_labels = put(sentences_, batch.next_sentence_labels);
  }
  input.task_labels = put(task_labels_, batch.task_labels);
  input.task_values = put(task_values_, batch.task_values);
  return input;
}

}  // namespace bertyard
