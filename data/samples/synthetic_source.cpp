// SPDX-License-Identifier: Apache-2.0
#include "data/samples/synthetic_source.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

constexpr std::int64_t kShortest = 5;  // [CLS] a [SEP] b [SEP]

bool is_special(std::uint32_t id, const SpecialTokens& special) {
  return id == special.pad || id == special.unknown || id == special.cls || id == special.sep ||
         id == special.mask;
}

}  // namespace

std::int64_t SyntheticSource::a_length_of(std::int64_t length) const {
  return has_sentence_pairs(options_.next_sentence) ? 2 + (length - 3) / 2 : length;
}

SyntheticSource::SyntheticSource(const SyntheticOptions& options, const Vocabulary& vocabulary)
    : options_(options), special_(vocabulary.special()) {
  if (options.max_length < kShortest || options.samples == 0) {
    throw UsageError(
        fmt::format("synthetic samples: {} samples of {} tokens, expected at least 1 of {}",
                    options.samples, options.max_length, kShortest));
  }
  if (!(options.fill > 0 && options.fill <= 1)) {
    throw UsageError(fmt::format(
        "synthetic samples: the fill is {}, expected above 0 and at most 1, such as 0.5 for "
        "samples of half the length on average",
        options.fill));
  }
  if (vocabulary.size() < 6) {
    throw UsageError(
        fmt::format("synthetic samples: the vocabulary has {} entries and none but "
                    "special ones; expected at least 6",
                    vocabulary.size()));
  }
  properties_.path = "synthetic";
  properties_.layout = "synthetic samples";
  properties_.next_sentence = options.next_sentence;
  properties_.segments = has_sentence_pairs(options.next_sentence) ? 2 : 1;
  properties_.samples = options.samples;
  properties_.vocabulary_size = static_cast<std::uint32_t>(vocabulary.size());
  for (std::uint64_t i = 0; i < options.samples; ++i) {
    properties_.tokens += static_cast<std::uint64_t>(length(i));
    properties_.max_length = std::max(properties_.max_length, length(i));
  }
}

std::int64_t SyntheticSource::length(std::uint64_t index) const {
  const double half_width = std::min(options_.fill, 1 - options_.fill);
  const double place =
      (static_cast<double>(index) + 0.5) / static_cast<double>(options_.samples);  // in (0, 1)
  const double fraction = options_.fill + half_width * (2 * place - 1);
  const auto length = std::llround(fraction * static_cast<double>(options_.max_length));
  return std::clamp<std::int64_t>(length, kShortest, options_.max_length);
}

SampleShape SyntheticSource::shape(std::uint64_t index) const {
  return {.length = length(index), .a_length = a_length_of(length(index)), .masked = 0};
}

void SyntheticSource::read(std::uint64_t index, StoredSample& sample) const {
  PhiloxSequence draws(options_.seed, RandomPurpose::synthetic_samples, 0, index);
  const std::int64_t length = this->length(index), a_length = a_length_of(length);
  sample.tokens.resize(static_cast<std::size_t>(length));
  for (std::uint32_t& token : sample.tokens) {
    do {
      token = draws.next_below(properties_.vocabulary_size);
    } while (is_special(token, special_));
  }
  sample.tokens.front() = special_.cls;
  sample.tokens[static_cast<std::size_t>(a_length - 1)] = special_.sep;
  sample.tokens.back() = special_.sep;
  sample.segments.assign(sample.tokens.size(), 1);
  std::fill_n(sample.segments.begin(), a_length, std::uint8_t{0});
  sample.key_mask.clear();
  sample.mask_positions.clear();
  sample.mask_labels.clear();
  sample.a_length = a_length;
  sample.is_random_next = has_sentence_pairs(options_.next_sentence) && draws.next_below(2) == 1;
}

Vocabulary synthetic_vocabulary(std::int64_t size) {
  if (size < 6) {
    throw UsageError(fmt::format("synthetic vocabulary of {} entries, expected at least 6", size));
  }
  std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (std::int64_t id = 5; id < size; ++id) tokens.push_back(fmt::format("w{}", id));
  return Vocabulary(std::move(tokens), "synthetic vocabulary");
}

}  // namespace bertyard
