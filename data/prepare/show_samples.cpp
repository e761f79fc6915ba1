// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "data/prepare/prepare.h"
#include "data/samples/masking.h"

namespace bertyard {
namespace {

void show_header(const StoredSample& sample, const SourceProperties& source, std::uint64_t index,
                 std::string& text) {
  auto out = std::back_inserter(text);
  const auto length = static_cast<std::int64_t>(sample.tokens.size());
  fmt::format_to(out, "sample {}: {} tokens, {} masked", index, length,
                 sample.mask_positions.size());
  if (source.next_sentence == NextSentence::nsp) {
    fmt::format_to(out, ", next sentence: {}", sample.is_random_next ? "random (1)" : "real (0)");
  }
  if (source.next_sentence == NextSentence::sop) {
    fmt::format_to(out, ", order: {}", sample.is_random_next ? "swapped (1)" : "as written (0)");
  }
  text += '\n';
}

void show_tokens(const StoredSample& sample, const Vocabulary& vocabulary, std::string& text) {
  std::uint8_t segment = 0;
  text += "  A:";
  for (std::size_t i = 0; i < sample.tokens.size(); ++i) {
    if (sample.segments[i] != segment) {
      segment = sample.segments[i];
      fmt::format_to(std::back_inserter(text), "\n  {}:", static_cast<char>('A' + segment % 26));
    }
    text += ' ' + vocabulary.token(sample.tokens[i]);
  }
  text += '\n';
}

void show_masks(const StoredSample& sample, const Vocabulary& vocabulary, std::string& text) {
  text += "  labels:";
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    const std::uint32_t position = sample.mask_positions[i];
    const std::string& label = vocabulary.token(sample.mask_labels[i]);
    const std::string& input = vocabulary.token(sample.tokens[position]);
    fmt::format_to(std::back_inserter(text), "{} {}:{} {}", i == 0 ? "" : ",", position, label,
                   label == input ? "kept" : "as " + input);
  }
  text += '\n';
}

}  // namespace

std::string show_samples(const SampleSource& source, const Vocabulary& vocabulary,
                         const Masker* masker, std::uint64_t seed, std::uint64_t count) {
  const SourceProperties& properties = source.properties();
  std::string text;
  StoredSample sample;
  for (std::uint64_t i = 0; i < std::min(count, source.size()); ++i) {
    source.read(i, sample);
    if (properties.masks == MaskTime::training && masker != nullptr) {
      MaskedTokens masked;
      masker->mask(sample.tokens, {.seed = seed, .epoch = 0, .sample_id = i}, masked);
      sample.mask_positions = masked.positions;
      sample.mask_labels = masked.labels;
    }
    show_header(sample, properties, i, text);
    show_tokens(sample, vocabulary, text);
    show_masks(sample, vocabulary, text);
  }
  return text;
}

}  // namespace bertyard
