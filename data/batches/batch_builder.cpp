// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch_builder.h"

#include "data/vector_loops.h"

namespace bertyard {

BatchBuilder::BatchBuilder(const PlannedMicroBatch& planned, TokenTargets targets) {
  batch_.rows_per_token = static_cast<std::int32_t>(rows_per_token(targets));
  const auto tokens = static_cast<std::size_t>(planned.tokens);
  const auto masked = static_cast<std::size_t>(planned.masked);
  const std::size_t sequences = planned.samples.size();
  batch_.tokens.reserve(tokens);
  batch_.positions.reserve(tokens);
  batch_.segments.reserve(tokens);
  batch_.samples.reserve(tokens);
  batch_.cu_seqlens.reserve(sequences + 1);
  batch_.last_rows.reserve(sequences);
  batch_.global_indices.reserve(sequences);
  batch_.sample_ids.reserve(sequences);
  batch_.next_sentence_labels.reserve(sequences);
  batch_.masked_rows.reserve(masked);
  batch_.masked_labels.reserve(masked);
  batch_.cu_seqlens.push_back(0);
}

void BatchBuilder::append(const StoredSample& sample, const Names& names) {
  const std::size_t first_row = batch_.tokens.size();
  const std::size_t end_row = first_row + sample.tokens.size();
  batch_.tokens.resize(end_row);
  batch_.segments.resize(end_row);
  batch_.positions.resize(end_row);
  batch_.samples.resize(end_row);
  vector_loops().fill_rows({batch_.tokens.data() + first_row, batch_.positions.data() + first_row,
                            batch_.segments.data() + first_row, batch_.samples.data() + first_row},
                           end_row - first_row, sample.tokens.data(), sample.segments.data(),
                           names.global_index);
  batch_.cu_seqlens.push_back(static_cast<std::int32_t>(end_row));
  batch_.last_rows.push_back(static_cast<std::int32_t>(end_row) - 1);
  batch_.global_indices.push_back(names.global_index);
  batch_.sample_ids.push_back(names.sample_id);
  batch_.next_sentence_labels.push_back(sample.is_random_next ? 1 : 0);
  const std::size_t first_mask = batch_.masked_rows.size();
  batch_.masked_rows.resize(first_mask + sample.mask_positions.size());
  const std::size_t first_prediction = static_cast<std::size_t>(batch_.rows_per_token) * first_row;
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    batch_.masked_rows[first_mask + i] =
        static_cast<std::int32_t>(first_prediction + sample.mask_positions[i]);
  }
  batch_.masked_labels.insert(batch_.masked_labels.end(), sample.mask_labels.begin(),
                              sample.mask_labels.end());
  batch_.task_labels.insert(batch_.task_labels.end(), sample.task_labels.begin(),
                            sample.task_labels.end());
  batch_.task_values.insert(batch_.task_values.end(), sample.task_values.begin(),
                            sample.task_values.end());
  append_key_mask(sample, first_row);
}

// The mask appears with the first sample that has holes; samples without have none.
void BatchBuilder::append_key_mask(const StoredSample& sample, std::size_t first_row) {
  if (sample.key_mask.empty() && batch_.key_mask.empty()) return;
  batch_.key_mask.resize(first_row, 0);
  batch_.key_mask.insert(batch_.key_mask.end(), sample.key_mask.begin(), sample.key_mask.end());
  batch_.key_mask.resize(batch_.tokens.size(), 0);
}

}  // namespace bertyard
