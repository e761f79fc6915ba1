// SPDX-License-Identifier: Apache-2.0
#include "data/samples/masking.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/samples/mask_drawing.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {
namespace {

void check_rate(const char* name, double rate) {
  if (!(rate >= 0 && rate <= 1)) {
    throw UsageError(fmt::format("masking: {} is {}, expected 0 to 1", name, rate));
  }
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

std::string mask_limit_note(std::int64_t length, const MaskOptions& options) {
  MaskOptions unlimited = options;
  unlimited.max_predictions = std::numeric_limits<int>::max();
  const std::int64_t wanted = max_masked(length, unlimited);
  if (wanted <= options.max_predictions) return {};
  return fmt::format(
      "samples.mask.max_predictions is {}, so that of {} tokens {:.1f}% are masked and not "
      "{:.1f}%; "
      "{} would do",
      options.max_predictions, length,
      100.0 * options.max_predictions / static_cast<double>(length), 100 * options.rate, wanted);
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
  if (!(options_.span_p > 0 && options_.span_p <= 1) || options_.span_max < 1) {
    throw UsageError(fmt::format(
        "masking: span lengths have p {} and at most {} words, expected p above 0 and at "
        "most 1, and at least 1 word; SpanBERT uses 0.2 and 10",
        options_.span_p, options_.span_max));
  }
  BERTYARD_CHECK(vocabulary_.continues.size() == vocabulary_.size,
                 "masking: the vocabulary needs one ## mark per entry");
}

std::int64_t Masker::count(std::int64_t length, std::int64_t specials) const {
  return std::min(max_masked(length, options_), length - specials);
}

void Masker::mask(std::span<std::uint32_t> tokens, const Key& key, MaskedTokens& out) const {
  PhiloxSequence draws(key.seed, RandomPurpose::masking, key.epoch, key.sample_id);
  MaskUnits units;
  find_mask_units(tokens, vocabulary_, options_.unit, units);
  const auto wanted =
      static_cast<std::size_t>(max_masked(static_cast<std::int64_t>(tokens.size()), options_));
  MaskDrawing drawing(options_, vocabulary_, tokens, draws);
  if (options_.unit == MaskUnit::span) {
    drawing.mask_spans(units, wanted, SpanLengths(options_.span_p, options_.span_max));
  } else {
    drawing.mask_units(units, wanted);
  }
  drawing.finish(out);
}

}  // namespace bertyard
