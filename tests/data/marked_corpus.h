// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/philox.h"
#include "data/samples/sample_builder.h"
#include "data/samples/tokenized_corpus.h"

// Corpora in which every token tells where it came from, for the tests of what makes samples.
namespace bertyard {

inline constexpr std::uint32_t kMarkedCls = 1;
inline constexpr std::uint32_t kMarkedSep = 2;

// Every token is its own: 100 + its number in the corpus, so that a sample tells its origin.
struct MarkedCorpus {
  TokenizedCorpus corpus;
  std::vector<std::size_t> document_of;  // by token number
  std::vector<int> sentence_length_of;   // likewise

  void add_document(const std::vector<int>& sentence_lengths) {
    for (const int length : sentence_lengths) {
      std::vector<std::uint32_t> tokens;
      for (int i = 0; i < length; ++i) {
        tokens.push_back(100 + static_cast<std::uint32_t>(document_of.size()));
        document_of.push_back(corpus.document_count());
        sentence_length_of.push_back(length);
      }
      corpus.add_sentence(tokens);
    }
    corpus.end_document(corpus.document_count());
  }
};

inline MarkedCorpus random_corpus(std::size_t documents, std::uint64_t seed) {
  PhiloxSequence draws(seed, RandomPurpose::initialization, 0, 0);
  MarkedCorpus marked;
  for (std::size_t d = 0; d < documents; ++d) {
    std::vector<int> lengths(draws.next_in(1, 30));
    for (int& length : lengths) length = static_cast<int>(draws.next_in(1, 40));
    marked.add_document(lengths);
  }
  return marked;
}

inline std::vector<Sample> build_all(const TokenizedCorpus& corpus, SampleBuilder::Options options,
                                     std::uint32_t rounds = 1) {
  options.cls = kMarkedCls;
  options.sep = kMarkedSep;
  const SampleBuilder builder(corpus, options);
  std::vector<Sample> samples;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    for (std::size_t d = 0; d < corpus.document_count(); ++d) {
      builder.build(d, round, [&](const Sample& sample) { samples.push_back(sample); });
    }
  }
  return samples;
}

}  // namespace bertyard
