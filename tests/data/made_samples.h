// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/batches/batch_stream.h"

// Samples without a file, and what a BatchStream makes of them.
namespace bertyard {

inline constexpr std::uint32_t kCls = 1;
inline constexpr std::uint32_t kSep = 2;
inline constexpr std::uint32_t kMask = 3;
inline constexpr std::uint32_t kVocabularySize = 500;

// [CLS] A [SEP] B [SEP] of random lengths; a pure function of the index.
class MadeSamples : public SampleSource {
 public:
  explicit MadeSamples(std::uint64_t samples, MaskTime masks = MaskTime::training) {
    properties_.path = "made";
    properties_.samples = samples;
    properties_.max_length = 64;
    properties_.masks = masks;
    properties_.vocabulary_size = kVocabularySize;
  }
  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override {
    StoredSample sample;
    make(index, sample);
    return {static_cast<std::int64_t>(sample.tokens.size()), sample.a_length,
            static_cast<std::int64_t>(sample.mask_positions.size())};
  }
  void read(std::uint64_t index, StoredSample& sample) const override {
    if (index == broken_sample) throw DataError("made: sample is broken");
    make(index, sample);
  }
  void verify() const override {}

  std::uint64_t broken_sample = ~std::uint64_t{0};
  bool special_inside = false;
  SourceProperties properties_;

 private:
  void make(std::uint64_t index, StoredSample& sample) const {
    PhiloxSequence draws(77, RandomPurpose::initialization, 1, index);
    const std::uint32_t length = draws.next_in(8, 64);
    sample = StoredSample();
    sample.a_length = draws.next_in(3, length - 2);
    for (std::uint32_t i = 0; i < length; ++i) {
      sample.tokens.push_back(draws.next_in(10, kVocabularySize - 1));
      sample.segments.push_back(i < static_cast<std::uint32_t>(sample.a_length) ? 0 : 1);
    }
    sample.tokens[0] = kCls;
    sample.tokens[static_cast<std::size_t>(sample.a_length) - 1] = kSep;
    sample.tokens.back() = kSep;
    // A token that masking must skip: more than it has counted on.
    if (special_inside) std::fill(sample.tokens.begin() + 1, sample.tokens.end(), kSep);
    sample.is_random_next = index % 2 == 1;
    if (properties_.masks == MaskTime::prepare) {
      sample.mask_positions = {1, length - 2};
      sample.mask_labels = {7, 8};
    }
  }
};

inline Masker make_masker(MaskUnit unit = MaskUnit::token) {
  std::vector<std::uint8_t> continues(kVocabularySize, 0);
  std::fill(continues.begin() + 300, continues.end(), 1);
  return Masker(
      MaskOptions{.unit = unit},
      {.size = kVocabularySize, .mask = kMask, .cls = kCls, .sep = kSep, .continues = continues});
}

inline BatchStreamOptions stream_options() {
  BatchStreamOptions options;
  options.seed = 5;
  options.global_batch = 40;
  options.max_length = 64;
  options.capacities = {256, 16, 64};
  return options;
}

// Everything that one sample brought into a batch.
struct Row {
  std::uint64_t sample_id;
  std::vector<std::int32_t> tokens, segments, mask_positions, mask_labels;
  std::int32_t next_sentence;
  bool operator==(const Row&) const = default;
};

inline void add_rows(const Batch& batch, std::map<std::uint64_t, Row>& rows) {
  std::size_t mask = 0;
  for (std::size_t n = 0; n + 1 < batch.cu_seqlens.size(); ++n) {
    const auto begin = batch.cu_seqlens[n];
    const auto end = batch.cu_seqlens[n + 1];
    Row row{batch.sample_ids[n], {}, {}, {}, {}, batch.next_sentence_labels[n]};
    for (auto t = begin; t < end; ++t) {
      const auto at = static_cast<std::size_t>(t);
      ASSERT_EQ(batch.positions[at], t - begin);
      ASSERT_EQ(batch.samples[at], batch.global_indices[n]);
      row.tokens.push_back(batch.tokens[at]);
      row.segments.push_back(batch.segments[at]);
    }
    for (; mask < batch.masked_rows.size() && batch.masked_rows[mask] < end; ++mask) {
      row.mask_positions.push_back(batch.masked_rows[mask] - begin);
      row.mask_labels.push_back(batch.masked_labels[mask]);
    }
    ASSERT_TRUE(rows.emplace(batch.global_indices[n], row).second) << "a sample came twice";
  }
  ASSERT_EQ(mask, batch.masked_rows.size());
}

// The rows of `steps` steps, of all ranks together.
inline std::map<std::uint64_t, Row> rows_of(const SampleSource& source, const Masker* masker,
                                            BatchStreamOptions options, int steps) {
  std::map<std::uint64_t, Row> rows;
  for (int rank = 0; rank < options.world; ++rank) {
    options.rank = rank;
    BatchStream stream(source, masker, options);
    for (int s = 0; s < steps; ++s) {
      const std::optional<StepBatches> step = stream.next();
      if (!step) break;
      for (const Batch& batch : step->micro_batches) add_rows(batch, rows);
    }
  }
  return rows;
}

}  // namespace bertyard
