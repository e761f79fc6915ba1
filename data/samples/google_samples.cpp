// SPDX-License-Identifier: Apache-2.0
#include "data/samples/google_samples.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/samples/mask_drawing.h"
#include "data/samples/python_random.h"
#include "data/samples/segment.h"

namespace bertyard {
namespace {

struct Instance {
  Sample sample;
  MaskedTokens masked;
};

// The program; its letters are those of bert's create_instances_from_document, in draw order.
class GoogleProgram {
 public:
  GoogleProgram(const TokenizedCorpus& corpus, const MaskVocabulary& vocabulary,
                const GoogleSampleOptions& options)
      : corpus_(corpus), vocabulary_(vocabulary), options_(options), draws_(options.seed) {}

  std::vector<Instance> run() {
    order_.resize(corpus_.document_count());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    draws_.shuffle(order_);
    for (int round = 0; round < options_.duplicate; ++round) {
      for (std::size_t place = 0; place < order_.size(); ++place) cut(place);
    }
    draws_.shuffle(instances_);
    return std::move(instances_);
  }

 private:
  std::size_t sentences_in(std::size_t place) const { return corpus_.sentences_in(order_[place]); }
  std::span<const std::uint32_t> sentence(std::size_t place, std::size_t i) const {
    return corpus_.sentence(order_[place], i);
  }

  void cut(std::size_t place) {
    room_ = static_cast<std::size_t>(options_.max_length) - 3;
    target_ = room_;
    if (draws_.next_unit() < options_.short_sequence) {
      target_ = draws_.next_in(2, static_cast<std::uint32_t>(room_));
    }
    std::size_t first = 0;
    std::size_t length = 0;
    for (std::size_t i = 0; i < sentences_in(place); ++i) {
      length += sentence(place, i).size();
      if (i + 1 < sentences_in(place) && length < target_) continue;
      first += emit(place, first, i + 1);
      i = first - 1;
      length = 0;
    }
  }

  // Returns how many sentences of the chunk were used.
  std::size_t emit(std::size_t place, std::size_t first, std::size_t end) {
    const std::size_t chunk = end - first;
    const std::size_t in_a =
        chunk >= 2 ? draws_.next_in(1, static_cast<std::uint32_t>(chunk - 1)) : 1;
    a_.clear();
    b_.clear();
    for (std::size_t i = first; i < first + in_a; ++i) a_.append(sentence(place, i));
    const bool draws_next = chunk == 1 || draws_.next_unit() < 0.5;
    bool is_random = draws_next;
    if (draws_next) {
      const std::size_t other = draw_document(place);
      append_random(other);
      if (options_.rules == Sampling::nvidia && other == place) is_random = false;
    } else {
      for (std::size_t i = first + in_a; i < end; ++i) b_.append(sentence(place, i));
    }
    while (a_.size() + b_.size() > room_) {
      (a_.size() > b_.size() ? a_ : b_).drop_one(draws_);
    }
    finish(is_random);
    return draws_next ? in_a : chunk;
  }

  std::size_t draw_document(std::size_t place) {
    std::size_t other = place;
    for (int i = 0; i < 10 && other == place; ++i) {
      other = draws_.next_below(static_cast<std::uint32_t>(order_.size()));
    }
    return other;
  }

  void append_random(std::size_t other) {
    const std::size_t wanted = target_ > a_.size() ? target_ - a_.size() : 0;
    std::size_t i = draws_.next_below(static_cast<std::uint32_t>(sentences_in(other)));
    do {
      b_.append(sentence(other, i++));
    } while (i < sentences_in(other) && b_.size() < wanted);
  }

  void finish(bool is_random) {
    Instance& made = instances_.emplace_back();
    std::vector<std::uint32_t>& tokens = made.sample.tokens;
    tokens.push_back(vocabulary_.cls);
    a_.append_to(tokens);
    tokens.push_back(vocabulary_.sep);
    made.sample.a_length = static_cast<std::uint32_t>(tokens.size());
    b_.append_to(tokens);
    tokens.push_back(vocabulary_.sep);
    made.sample.is_random_next = is_random;
    mask(tokens, made.masked);
  }

  void mask(std::vector<std::uint32_t>& tokens, MaskedTokens& masked) {
    const auto wanted = static_cast<std::size_t>(
        max_masked(static_cast<std::int64_t>(tokens.size()), options_.mask));
    find_mask_units(tokens, vocabulary_, options_.mask.unit, units_);
    std::vector<std::uint32_t> candidates(units_.size());
    std::iota(candidates.begin(), candidates.end(), 0u);
    draws_.shuffle(candidates);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> chosen;  // position, label
    for (const std::uint32_t unit : candidates) {
      if (chosen.size() >= wanted) break;
      if (chosen.size() + units_.length(unit) > wanted) continue;
      for (std::uint32_t u = units_.begin[unit]; u < units_.begin[unit + 1]; ++u) {
        const std::uint32_t position = units_.positions[u];
        chosen.emplace_back(position, tokens[position]);
        replace(tokens[position]);
      }
    }
    std::sort(chosen.begin(), chosen.end());
    for (const auto& [position, label] : chosen) {
      masked.positions.push_back(position);
      masked.labels.push_back(label);
    }
  }

  void replace(std::uint32_t& token) {
    const MaskOptions& mask = options_.mask;
    if (draws_.next_unit() < mask.replace) {
      token = vocabulary_.mask;
    } else if (draws_.next_unit() >= mask.keep / (mask.keep + mask.random)) {
      token = draws_.next_below(vocabulary_.size);
    }
  }

  const TokenizedCorpus& corpus_;
  const MaskVocabulary& vocabulary_;
  const GoogleSampleOptions& options_;
  PythonRandom draws_;
  std::vector<std::size_t> order_;  // documents as shuffled
  std::size_t room_ = 0;
  std::size_t target_ = 0;
  Segment a_;
  Segment b_;
  MaskUnits units_;
  std::vector<Instance> instances_;
};

}  // namespace

void make_google_samples(const TokenizedCorpus& corpus, const MaskVocabulary& vocabulary,
                         const GoogleSampleOptions& options, const MaskedSampleSink& sink) {
  for (const Instance& made : GoogleProgram(corpus, vocabulary, options).run()) {
    sink(made.sample, made.masked);
  }
}

void check_google_settings(Sampling rules, NextSentence next_sentence, const MaskOptions& mask) {
  if (rules == Sampling::bertyard) return;
  const char* name = rules == Sampling::google ? "google" : "nvidia";
  const auto refuse = [&](const std::string& found, const char* advice) {
    throw UsageError(
        fmt::format("samples.sampling: {}: the program that it reproduces has no {}; use {}, or "
                    "sampling: bertyard",
                    name, found, advice));
  };
  if (next_sentence != NextSentence::nsp) {
    refuse(fmt::format("next_sentence: {}", name_of(next_sentence)), "nsp");
  }
  if (mask.when != MaskTime::prepare) refuse("masks drawn in training", "mask.when: prepare");
  if (mask.unit == MaskUnit::span) refuse("mask.unit: span", "token or word");
  if (mask.unit == MaskUnit::word && rules == Sampling::nvidia) {
    refuse("mask.unit: word", "token");
  }
}

}  // namespace bertyard
