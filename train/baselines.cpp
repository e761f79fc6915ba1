// SPDX-License-Identifier: Apache-2.0
#include "train/baselines.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/samples/cut_sample.h"
#include "data/shards/manifest.h"

namespace bertyard {

std::vector<std::uint64_t> unigram_counts(const std::filesystem::path& path,
                                          const SampleSource& source, std::int64_t vocab_size) {
  const std::filesystem::path directory =
      std::filesystem::is_directory(path) ? path : path.parent_path();
  if (std::filesystem::exists(directory / kManifestName)) {
    const Manifest manifest = read_manifest(directory);
    if (manifest.unigram) return read_unigram(directory, manifest);
  }
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(vocab_size));
  StoredSample sample;
  for (std::uint64_t i = 0; i < source.size(); ++i) {
    source.read(i, sample);
    for (std::size_t k = 0; k < sample.mask_labels.size(); ++k) {
      sample.tokens[sample.mask_positions[k]] = sample.mask_labels[k];
    }
    for (const std::uint32_t token : sample.tokens) ++counts.at(token);
  }
  return counts;
}

Baselines compute_baselines(const BaselineData& data, const std::vector<std::uint64_t>& counts) {
  const double total = static_cast<double>(
      std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) + counts.size());
  const auto most_frequent =
      static_cast<std::uint32_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  const std::uint64_t limit =
      data.sample_limit == 0 ? data.source.size() : std::min(data.sample_limit, data.source.size());
  Baselines result;
  double cross_entropy = 0;
  std::int64_t frequent_hits = 0;
  std::int64_t random_next = 0;
  StoredSample sample;
  MaskedTokens drawn;
  for (std::uint64_t i = 0; i < limit; ++i) {
    data.source.read(i, sample);
    cut_sample(sample, data.max_length);
    if (data.masker != nullptr) {
      data.masker->mask(sample.tokens, {data.seed, kFixedMaskEpoch, i}, drawn);
    }
    for (const std::uint32_t label : data.masker != nullptr ? drawn.labels : sample.mask_labels) {
      cross_entropy -= std::log((static_cast<double>(counts.at(label)) + 1.0) / total);
      frequent_hits += label == most_frequent ? 1 : 0;
      ++result.masked;
    }
    random_next += sample.is_random_next ? 1 : 0;
    ++result.samples;
  }
  const auto masked = static_cast<double>(std::max<std::int64_t>(1, result.masked));
  const auto samples = static_cast<double>(std::max<std::int64_t>(1, result.samples));
  result.unigram_cross_entropy = cross_entropy / masked;
  result.most_frequent_accuracy = static_cast<double>(frequent_hits) / masked;
  const double random_share = static_cast<double>(random_next) / samples;
  result.sentence_majority = std::max(random_share, 1 - random_share);
  return result;
}

}  // namespace bertyard
