// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "data/samples/cut_sample.h"
#include "data/samples/next_tokens.h"
#include "train/baselines.h"

namespace bertyard {
namespace {

// Of training text that is counted: a bigram's estimate hardly changes beyond, and rank 0 counts
// while the others wait.
constexpr std::uint64_t kCountedTokens = 20'000'000;
constexpr double kStrengths[] = {1, 10, 100, 1000, 10000};

std::uint64_t pair_of(std::uint32_t token, std::uint32_t next) {
  return std::uint64_t{token} << 32 | next;
}

struct PairCount {
  std::int64_t held_out = 0;
  std::uint64_t trained = 0;
};
using PairCounts = std::unordered_map<std::uint64_t, PairCount>;

enum class Reading { forward, backward };

// Calls `see` for each token of a sample with what the reader has seen last before it.
template <typename See>
void read_pairs(StoredSample& sample, Reading reading, See see) {
  if (reading == Reading::backward) std::reverse(sample.tokens.begin(), sample.tokens.end());
  for (std::size_t t = 1; t < sample.tokens.size(); ++t)
    see(sample.tokens[t - 1], sample.tokens[t]);
}

PairCounts held_out_pairs(const BaselineData& data, Reading reading, Baselines& result) {
  const std::uint64_t limit =
      data.sample_limit == 0 ? data.source.size() : std::min(data.sample_limit, data.source.size());
  PairCounts pairs;
  StoredSample sample;
  for (std::uint64_t i = 0; i < limit; ++i) {
    data.source.read(i, sample);
    take_masks_back(sample);
    cut_sample(sample, data.max_length);
    read_pairs(sample, reading, [&](std::uint32_t before, std::uint32_t token) {
      ++pairs[pair_of(before, token)].held_out;
      ++result.masked;
    });
    ++result.samples;
  }
  return pairs;
}

// Of the training text: how often a token stands where it is predicted, and where it predicts.
struct TokenCounts {
  std::vector<std::uint64_t> next, before;
};

TokenCounts count_training(const SampleSource& train, std::int64_t vocab_size, Reading reading,
                           PairCounts& pairs) {
  const auto words = static_cast<std::size_t>(vocab_size);
  TokenCounts counts{std::vector<std::uint64_t>(words), std::vector<std::uint64_t>(words)};
  const std::uint64_t stride =
      std::max<std::uint64_t>(1, train.properties().tokens / kCountedTokens);
  StoredSample sample;
  for (std::uint64_t i = 0; i < train.size(); i += stride) {
    train.read(i, sample);
    take_masks_back(sample);
    read_pairs(sample, reading, [&](std::uint32_t before, std::uint32_t token) {
      ++counts.before.at(before);
      ++counts.next.at(token);
      const auto pair = pairs.find(pair_of(before, token));
      if (pair != pairs.end()) ++pair->second.trained;
    });
  }
  return counts;
}

Baselines reading_baselines(const BaselineData& data, const SampleSource& train,
                            std::int64_t vocab_size, Reading reading) {
  Baselines result;
  PairCounts pairs = held_out_pairs(data, reading, result);
  const TokenCounts counts = count_training(train, vocab_size, reading, pairs);
  const double total = static_cast<double>(
      std::accumulate(counts.next.begin(), counts.next.end(), std::uint64_t{0}) +
      counts.next.size());
  const auto unigram = [&](std::uint32_t token) {
    return (static_cast<double>(counts.next.at(token)) + 1.0) / total;
  };
  const auto most_frequent = static_cast<std::uint32_t>(
      std::max_element(counts.next.begin(), counts.next.end()) - counts.next.begin());
  // In the order of the pairs: the sum has the same bits whatever the hash table does.
  std::vector<std::pair<std::uint64_t, PairCount>> ordered(pairs.begin(), pairs.end());
  std::sort(ordered.begin(), ordered.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  double unigram_sum = 0;
  std::vector<double> bigram_sums(std::size(kStrengths));
  std::int64_t frequent_hits = 0;
  for (const auto& [pair, count] : ordered) {
    const auto next = static_cast<std::uint32_t>(pair);
    const auto times = static_cast<double>(count.held_out);
    const auto before = static_cast<double>(counts.before.at(pair >> 32));
    unigram_sum -= times * std::log(unigram(next));
    frequent_hits += next == most_frequent ? count.held_out : 0;
    for (std::size_t k = 0; k < bigram_sums.size(); ++k) {
      const double likely = (static_cast<double>(count.trained) + kStrengths[k] * unigram(next)) /
                            (before + kStrengths[k]);
      bigram_sums[k] -= times * std::log(likely);
    }
  }
  const auto predicted = static_cast<double>(std::max<std::int64_t>(1, result.masked));
  result.unigram_cross_entropy = unigram_sum / predicted;
  result.bigram_cross_entropy =
      *std::min_element(bigram_sums.begin(), bigram_sums.end()) / predicted;
  result.most_frequent_accuracy = static_cast<double>(frequent_hits) / predicted;
  return result;
}

}  // namespace

Baselines next_token_baselines(const BaselineData& data, const SampleSource& train,
                               std::int64_t vocab_size) {
  return reading_baselines(data, train, vocab_size, Reading::forward);
}

Baselines neighbour_baselines(const BaselineData& data, const SampleSource& train,
                              std::int64_t vocab_size) {
  Baselines both = reading_baselines(data, train, vocab_size, Reading::forward);
  const Baselines other = reading_baselines(data, train, vocab_size, Reading::backward);
  both.unigram_cross_entropy = (both.unigram_cross_entropy + other.unigram_cross_entropy) / 2;
  both.bigram_cross_entropy = (*both.bigram_cross_entropy + *other.bigram_cross_entropy) / 2;
  both.most_frequent_accuracy = (both.most_frequent_accuracy + other.most_frequent_accuracy) / 2;
  both.masked += other.masked;
  return both;
}

}  // namespace bertyard
