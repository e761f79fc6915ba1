// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "data/samples/masking.h"
#include "data/samples/sample_source.h"

namespace bertyard {

// What a model that has learnt nothing but frequencies would reach on the same masked tokens and
// pairs: the figures that a held-out loss is to be read against.
struct Baselines {
  double unigram_cross_entropy = 0;   // nats per masked token, add-one counts of the training text
  double most_frequent_accuracy = 0;  // always the training text's most frequent token
  double sentence_majority = 0;       // accuracy of always answering the more frequent label
  std::optional<double> bigram_cross_entropy;  // of next tokens alone
  std::int64_t masked = 0;                     // or next tokens
  std::int64_t samples = 0;
};

// Over the first `sample_limit` samples (0: all) cut to `max_length`, masked as evaluate() masks
// them: `masker` is null where the source stores its masks. `counts` [V]: how often each id stands
// in the training text.
struct BaselineData {
  const SampleSource& source;
  const Masker* masker = nullptr;
  std::uint64_t seed = 0;
  std::uint64_t sample_limit = 0;
  int max_length = 512;
};
Baselines compute_baselines(const BaselineData& data, const std::vector<std::uint64_t>& counts);

// The same for a causal model, over every token but the first. A bigram is p(b | a) = (c(ab) + k
// p(b)) / (c(a) + k), k the best of 1, 10, ... 10,000 for these very samples, which favours it; the
// counts are those of `train`, of 20 million tokens at most, evenly spread.
Baselines next_token_baselines(const BaselineData& data, const SampleSource& train,
                               std::int64_t vocab_size);
// The means of those figures and of the same reading backwards, for an ELMo.
Baselines neighbour_baselines(const BaselineData& data, const SampleSource& train,
                              std::int64_t vocab_size);

// How often each of `vocab_size` ids stands where it could be masked: from the manifest of the
// training shards at `path`, or, where there is none, counted over all of `source`.
std::vector<std::uint64_t> unigram_counts(const std::filesystem::path& path,
                                          const SampleSource& source, std::int64_t vocab_size);

}  // namespace bertyard
