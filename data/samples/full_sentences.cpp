// SPDX-License-Identifier: Apache-2.0
#include "data/samples/full_sentences.h"

#include <algorithm>
#include <span>

namespace bertyard {

void pack_full_sentences(const TokenDocuments& corpus, std::size_t document,
                         const FullSentenceOptions& options, const SampleBuilder::Sink& sink) {
  Sample sample;
  sample.tokens.push_back(options.cls);
  std::size_t target = options.draw_target();
  const auto room = [&] { return target + 1 - sample.tokens.size(); };
  const auto flush = [&] {
    if (sample.tokens.size() == 1) return;
    sample.tokens.push_back(options.sep);
    sample.a_length = static_cast<std::uint32_t>(sample.tokens.size());
    sink(sample);
    sample.tokens.resize(1);
    target = options.draw_target();
  };
  for (std::size_t i = 0; i < corpus.sentences_in(document); ++i) {
    std::span<const std::uint32_t> sentence = corpus.sentence(document, i);
    if (sentence.size() > room()) flush();
    while (!sentence.empty()) {
      const auto piece = sentence.first(std::min(sentence.size(), room()));
      sample.tokens.insert(sample.tokens.end(), piece.begin(), piece.end());
      sentence = sentence.subspan(piece.size());
      if (room() == 0) flush();
    }
  }
  flush();
}

}  // namespace bertyard
