// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace bertyard {

// One micro-batch on the host: sequences one after the other without padding.
// T tokens, N sequences, M masked tokens.
struct Batch {
  std::vector<std::int32_t> tokens;      // [T]
  std::vector<std::int32_t> positions;   // [T], place in the sequence
  std::vector<std::int32_t> segments;    // [T]
  std::vector<std::int32_t> cu_seqlens;  // [N + 1], sequence n is rows cu_seqlens[n] and on
  std::vector<std::int32_t> last_rows;   // [N], of each sequence's last token
  std::vector<std::uint64_t> samples;    // [T], global index of the token's sample: keys dropout
  std::vector<std::uint64_t> global_indices;       // [N], the same per sequence
  std::vector<std::uint64_t> sample_ids;           // [N]
  std::vector<std::int32_t> masked_rows;           // [M], rows of [T] or [2 T]
  std::vector<std::int32_t> masked_labels;         // [M], the original ids
  std::int32_t rows_per_token = 1;                 // 2: rows of [2 T], see next_tokens.h
  std::vector<std::int32_t> next_sentence_labels;  // [N], 1: random next (NSP) or swapped (SOP)
  std::vector<std::int32_t> task_labels;           // [N] or [N, 2], of a downstream task
  std::vector<float> task_values;                  // [N], of a regression
  std::vector<std::uint8_t> key_mask;  // [T], 1: not a key for anyone; empty where there is none

  std::int64_t token_count() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t sequence_count() const { return static_cast<std::int64_t>(global_indices.size()); }
  std::int64_t masked_count() const { return static_cast<std::int64_t>(masked_rows.size()); }
};

// One step's share of a rank, and the counts of the whole step.
struct StepBatches {
  std::vector<Batch> micro_batches;     // this rank's, in order
  std::vector<std::size_t> leaf_ends;   // where each of its leaves ends in micro_batches
  std::size_t first_micro_batch = 0;    // place of the first in the whole step
  std::size_t total_micro_batches = 0;  // of all ranks
  std::int64_t samples = 0;             // of all ranks, as the two below
  std::int64_t tokens = 0;
  std::int64_t masked = 0;
  std::uint64_t first_index = 0;  // global index of the step's first sample
  std::uint64_t next_index = 0;   // the position in the data after this step
};

}  // namespace bertyard
