// SPDX-License-Identifier: Apache-2.0
#include "data/masking.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/vocabulary.h"

namespace bertyard {
namespace {

void check_rate(const char* name, double rate) {
  if (!(rate >= 0 && rate <= 1)) {
    throw UsageError(fmt::format("masking: {} is {}, expected 0 to 1", name, rate));
  }
}

// What may be masked together: candidates begin[u] to begin[u + 1] of `positions`.
struct Units {
  std::vector<std::uint32_t> positions;
  std::vector<std::uint32_t> begin;

  std::size_t size() const { return begin.size() - 1; }
};

Units find_units(std::span<const std::uint32_t> tokens, const MaskVocabulary& vocabulary,
                 MaskUnit unit) {
  Units units;
  units.positions.reserve(tokens.size());
  units.begin.reserve(tokens.size() + 1);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::uint32_t token = tokens[i];
    if (token == vocabulary.cls || token == vocabulary.sep) continue;
    const bool joins =
        unit == MaskUnit::word && !units.begin.empty() && vocabulary.continues.at(token) != 0;
    if (!joins) units.begin.push_back(static_cast<std::uint32_t>(units.positions.size()));
    units.positions.push_back(static_cast<std::uint32_t>(i));
  }
  units.begin.push_back(static_cast<std::uint32_t>(units.positions.size()));
  return units;
}

}  // namespace

MaskVocabulary mask_vocabulary(const Vocabulary& vocabulary) {
  MaskVocabulary result{.size = static_cast<std::uint32_t>(vocabulary.size()),
                        .mask = vocabulary.special().mask,
                        .cls = vocabulary.special().cls,
                        .sep = vocabulary.special().sep,
                        .continues = {}};
  result.continues.reserve(vocabulary.size());
  for (const std::string& token : vocabulary.tokens()) {
    result.continues.push_back(token.starts_with("##") ? 1 : 0);
  }
  return result;
}

std::int64_t max_masked(std::int64_t length, const MaskOptions& options) {
  // nearbyint rounds halves to even in the default mode; std::round would not.
  const auto wanted =
      static_cast<std::int64_t>(std::nearbyint(static_cast<double>(length) * options.rate));
  return std::min<std::int64_t>(options.max_predictions, std::max<std::int64_t>(1, wanted));
}

std::int64_t max_masked(std::int64_t tokens, std::int64_t sequences, const MaskOptions& options) {
  const auto by_rate =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(tokens) * options.rate)) + sequences;
  return std::min({by_rate, sequences * options.max_predictions, tokens});
}

Masker::Masker(MaskOptions options, MaskVocabulary vocabulary)
    : options_(options), vocabulary_(std::move(vocabulary)) {
  check_rate("rate", options_.rate);
  check_rate("replace", options_.replace);
  check_rate("random", options_.random);
  check_rate("keep", options_.keep);
  const double sum = options_.replace + options_.random + options_.keep;
  if (std::abs(sum - 1) > 1e-6) {
    throw UsageError(fmt::format("masking: replace {} + random {} + keep {} is {}, expected 1",
                                 options_.replace, options_.random, options_.keep, sum));
  }
  if (options_.max_predictions < 1) {
    throw UsageError(fmt::format("masking: max_predictions is {}, expected at least 1",
                                 options_.max_predictions));
  }
  BERTYARD_CHECK(vocabulary_.continues.size() == vocabulary_.size,
                 "masking: the vocabulary needs one ## mark per entry");
}

std::int64_t Masker::count(std::int64_t length, std::int64_t specials) const {
  return std::min(max_masked(length, options_), length - specials);
}

void Masker::mask(std::span<std::uint32_t> tokens, const Key& key, MaskedTokens& out) const {
  PhiloxSequence draws(key.seed, RandomPurpose::masking, key.epoch, key.sample_id);
  Units units = find_units(tokens, vocabulary_, options_.unit);
  const auto wanted =
      static_cast<std::size_t>(max_masked(static_cast<std::int64_t>(tokens.size()), options_));
  const double keep_of_rest =
      options_.keep + options_.random > 0 ? options_.keep / (options_.keep + options_.random) : 0;
  std::vector<std::uint32_t> order(units.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);

  std::vector<std::pair<std::uint32_t, std::uint32_t>> chosen;  // position, label
  for (std::size_t i = 0; i < order.size() && chosen.size() < wanted; ++i) {
    const auto left = static_cast<std::uint32_t>(order.size() - i);
    std::swap(order[i], order[i + draws.next_below(left)]);  // a shuffle, as far as it is needed
    const std::uint32_t begin = units.begin[order[i]];
    const std::uint32_t end = units.begin[order[i] + 1];
    if (chosen.size() + (end - begin) > wanted) continue;  // a word that would overshoot
    for (std::uint32_t u = begin; u < end; ++u) {
      const std::uint32_t position = units.positions[u];
      chosen.emplace_back(position, tokens[position]);
      if (draws.next_unit() < options_.replace) {
        tokens[position] = vocabulary_.mask;
      } else if (draws.next_unit() >= keep_of_rest) {
        tokens[position] = draws.next_below(vocabulary_.size);
      }
    }
  }
  std::sort(chosen.begin(), chosen.end());
  out.positions.clear();
  out.labels.clear();
  for (const auto& [position, label] : chosen) {
    out.positions.push_back(position);
    out.labels.push_back(label);
  }
}

}  // namespace bertyard
