// SPDX-License-Identifier: Apache-2.0
#include "launch/inspect/sample_figures.h"

#include <algorithm>

#include <fmt/format.h>

#include "launch/console/text_table.h"

namespace bertyard {
namespace {

constexpr std::int64_t kClasses = 8;
constexpr std::uint64_t kBar = 40;  // characters of the longest

void count_masks(const StoredSample& sample, const SpecialTokens& special, SampleFigures& figures) {
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    const std::uint32_t token = sample.tokens[sample.mask_positions[i]];
    const std::uint32_t label = sample.mask_labels[i];
    if (token == label) {
      ++figures.kept;
    } else if (token == special.mask) {
      ++figures.replaced;
    } else {
      ++figures.randomized;
    }
  }
}

void count_unknown(StoredSample& sample, const SpecialTokens& special, SampleFigures& figures) {
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    sample.tokens[sample.mask_positions[i]] = sample.mask_labels[i];
  }
  figures.unknown += static_cast<std::uint64_t>(
      std::count(sample.tokens.begin(), sample.tokens.end(), special.unknown));
}

}  // namespace

SampleFigures sample_figures(const SampleSource& source, std::uint64_t most,
                             const Vocabulary* vocabulary) {
  SampleFigures figures;
  figures.samples = std::min(source.size(), most);
  StoredSample sample;
  for (std::uint64_t i = 0; i < figures.samples; ++i) {
    source.read(i, sample);
    figures.tokens += sample.tokens.size();
    figures.random_next += sample.is_random_next ? 1 : 0;
    figures.masked += sample.mask_positions.size();
    if (vocabulary == nullptr) continue;
    count_masks(sample, vocabulary->special(), figures);
    count_unknown(sample, vocabulary->special(), figures);
  }
  return figures;
}

std::string length_histogram(const SampleSource& source) {
  const std::int64_t longest = std::max<std::int64_t>(source.properties().max_length, 1);
  const std::int64_t width = (longest + kClasses - 1) / kClasses;
  std::vector<std::uint64_t> counts(static_cast<std::size_t>((longest + width - 1) / width));
  for (std::uint64_t i = 0; i < source.size(); ++i) {
    const std::int64_t length = std::clamp<std::int64_t>(source.shape(i).length, 1, longest);
    ++counts[static_cast<std::size_t>((length - 1) / width)];
  }
  const std::uint64_t most =
      std::max<std::uint64_t>(*std::max_element(counts.begin(), counts.end()), 1);
  TextTable table(
      {{"length", Align::right}, {"samples", Align::right}, {"share", Align::right}, {""}});
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t first = static_cast<std::int64_t>(i) * width + 1;
    const std::int64_t last = std::min(first + width - 1, longest);
    table.add({fmt::format("{}-{}", first, last), grouped(static_cast<std::int64_t>(counts[i])),
               percent(counts[i], source.size()), std::string(counts[i] * kBar / most, '#')});
  }
  return table.text();
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  const auto base = static_cast<double>(std::max<std::uint64_t>(whole, 1));
  return fmt::format("{:.1f}%", 100 * static_cast<double>(part) / base);
}

}  // namespace bertyard
