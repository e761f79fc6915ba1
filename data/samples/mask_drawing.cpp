// SPDX-License-Identifier: Apache-2.0
#include "data/samples/mask_drawing.h"

#include <algorithm>
#include <numeric>

namespace bertyard {
namespace {

std::vector<std::uint32_t> ascending(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

}  // namespace

void find_mask_units(std::span<const std::uint32_t> tokens, const MaskVocabulary& vocabulary,
                     MaskUnit unit, MaskUnits& units) {
  units.positions.clear();
  units.begin.clear();
  units.positions.reserve(tokens.size());
  units.begin.reserve(tokens.size() + 1);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::uint32_t token = tokens[i];
    if (token == vocabulary.cls || token == vocabulary.sep) continue;
    const bool reaches =
        !units.begin.empty() && (unit == MaskUnit::word || units.positions.back() + 1 == i);
    const bool joins = unit != MaskUnit::token && reaches && vocabulary.continues.at(token) != 0;
    if (!joins) units.begin.push_back(static_cast<std::uint32_t>(units.positions.size()));
    units.positions.push_back(static_cast<std::uint32_t>(i));
  }
  units.begin.push_back(static_cast<std::uint32_t>(units.positions.size()));
}

SpanLengths::SpanLengths(double p, int max) {
  double share = p;
  double sum = 0;
  for (int k = 1; k <= max; ++k) {
    cumulative_.push_back(sum += share);
    share *= 1 - p;
  }
  for (double& bound : cumulative_) bound /= sum;
}

std::size_t SpanLengths::draw(PhiloxSequence& draws) const {
  const double unit = draws.next_unit();
  const auto after = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, unit);
  return static_cast<std::size_t>(after - cumulative_.begin()) + 1;
}

MaskDrawing::MaskDrawing(const MaskOptions& options, const MaskVocabulary& vocabulary,
                         std::span<std::uint32_t> tokens, PhiloxSequence& draws)
    : options_(options),
      vocabulary_(vocabulary),
      tokens_(tokens),
      draws_(draws),
      keep_of_rest_(
          options.keep + options.random > 0 ? options.keep / (options.keep + options.random) : 0) {}

MaskDrawing::Fate MaskDrawing::draw_fate() {
  if (draws_.next_unit() < options_.replace) return Fate::mask;
  return draws_.next_unit() < keep_of_rest_ ? Fate::keep : Fate::random;
}

void MaskDrawing::choose(std::uint32_t position, Fate fate) {
  chosen_.emplace_back(position, tokens_[position]);
  if (fate == Fate::mask) tokens_[position] = vocabulary_.mask;
  if (fate == Fate::random) tokens_[position] = draws_.next_below(vocabulary_.size);
}

// One step of a shuffle, which goes only as far as it is needed.
std::size_t MaskDrawing::draw_from_rest(std::vector<std::uint32_t>& order, std::size_t next) {
  const auto left = static_cast<std::uint32_t>(order.size() - next);
  std::swap(order[next], order[next + draws_.next_below(left)]);
  return order[next];
}

void MaskDrawing::mask_units(const MaskUnits& units, std::size_t wanted) {
  std::vector<std::uint32_t> order = ascending(units.size());
  for (std::size_t i = 0; i < order.size() && chosen_.size() < wanted; ++i) {
    const std::size_t unit = draw_from_rest(order, i);
    if (chosen_.size() + units.length(unit) > wanted) continue;
    for (std::uint32_t u = units.begin[unit]; u < units.begin[unit + 1]; ++u) {
      choose(units.positions[u], draw_fate());
    }
  }
}

void MaskDrawing::mask_spans(const MaskUnits& words, std::size_t wanted,
                             const SpanLengths& lengths) {
  std::vector<std::uint32_t> order = ascending(words.size());
  std::vector<std::uint8_t> masked(words.size(), 0);
  const auto fits = [&](std::size_t word) {
    return masked[word] == 0 && chosen_.size() + words.length(word) <= wanted;
  };
  const auto follows = [&](std::size_t word) {  // no [SEP] between it and the word before
    const std::uint32_t begin = words.begin[word];
    return words.positions[begin] == words.positions[begin - 1] + 1;
  };
  for (std::size_t i = 0; i < order.size() && chosen_.size() < wanted; ++i) {
    const std::size_t first = draw_from_rest(order, i);
    if (!fits(first)) continue;
    const std::size_t end = std::min(words.size(), first + lengths.draw(draws_));
    const Fate fate = draw_fate();
    for (std::size_t word = first; word < end; ++word) {
      if (!fits(word) || (word > first && !follows(word))) break;
      for (std::uint32_t u = words.begin[word]; u < words.begin[word + 1]; ++u) {
        choose(words.positions[u], fate);
      }
      masked[word] = 1;
    }
  }
}

void MaskDrawing::finish(MaskedTokens& out) {
  std::sort(chosen_.begin(), chosen_.end());
  out.positions.clear();
  out.labels.clear();
  for (const auto& [position, label] : chosen_) {
    out.positions.push_back(position);
    out.labels.push_back(label);
  }
}

}  // namespace bertyard
