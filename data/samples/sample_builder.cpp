// SPDX-License-Identifier: Apache-2.0
#include "data/samples/sample_builder.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/samples/full_sentences.h"
#include "data/samples/segment.h"

namespace bertyard {
// One walk over one document. The letters in comments are the steps of Google's script.
class SampleBuilder::Pass {
 public:
  Pass(const SampleBuilder& builder, std::size_t document, std::uint32_t round, const Sink& sink)
      : corpus_(builder.corpus_),
        options_(builder.options_),
        document_(document),
        sink_(sink),
        draws_(options_.seed, RandomPurpose::sample_building, round,
               corpus_.document_id(document)) {}

  void run() {
    const std::size_t specials = has_sentence_pairs(options_.next_sentence) ? 3 : 2;
    room_ = static_cast<std::size_t>(options_.max_length) - specials;
    if (options_.next_sentence == NextSentence::none) {
      const FullSentenceOptions packing{.draw_target = [this] { return draw_target(); },
                                        .cls = options_.cls,
                                        .sep = options_.sep};
      return pack_full_sentences(corpus_, document_, packing, sink_);
    }
    target_ = draw_target();
    const std::size_t sentences = corpus_.sentences_in(document_);
    std::size_t first = 0;
    std::size_t length = 0;
    for (std::size_t i = 0; i < sentences; ++i) {
      length += corpus_.sentence(document_, i).size();
      if (i + 1 < sentences && length < target_) continue;
      const std::size_t used = options_.next_sentence == NextSentence::nsp
                                   ? emit_pair(first, i + 1)
                                   : emit_ordered(first, i + 1);
      first += used;
      i = first - 1;  // sentences of the chunk that a random B displaced come again
      length = 0;
    }
  }

 private:
  std::size_t draw_target() {
    if (draws_.next_unit() >= options_.short_sequence) return room_;
    return draws_.next_in(2, static_cast<std::uint32_t>(room_));
  }

  // ALBERT's pairs: the chunk in two, in its order or swapped. A chunk of one sentence is cut
  // within it, so that text from elsewhere is never needed; of one token there is no pair.
  std::size_t emit_ordered(std::size_t first, std::size_t end) {
    const auto chunk = static_cast<std::uint32_t>(end - first);
    a_.clear();
    b_.clear();
    if (chunk >= 2) {
      const std::size_t in_a = draws_.next_in(1, chunk - 1);
      for (std::size_t i = first; i < end; ++i) {
        (i < first + in_a ? a_ : b_).append(corpus_.sentence(document_, i));
      }
    } else {
      const auto sentence = corpus_.sentence(document_, first);
      if (sentence.size() < 2) return chunk;
      const auto in_a = draws_.next_in(1, static_cast<std::uint32_t>(sentence.size() - 1));
      a_.append(sentence.first(in_a));
      b_.append(sentence.subspan(in_a));
    }
    const bool swapped = draws_.next_unit() < 0.5;
    if (swapped) std::swap(a_, b_);
    truncate();
    emit(swapped);
    return chunk;
  }

  // Returns how many sentences of the chunk were used.
  std::size_t emit_pair(std::size_t first, std::size_t end) {
    const std::size_t chunk = end - first;
    const std::size_t in_a =  // (a)
        chunk >= 2 ? draws_.next_in(1, static_cast<std::uint32_t>(chunk - 1)) : 1;
    a_.clear();
    b_.clear();
    for (std::size_t i = first; i < first + in_a; ++i) a_.append(corpus_.sentence(document_, i));
    const bool is_random = chunk == 1 || draws_.next_unit() < 0.5;  // (b)
    if (is_random) {
      draw_random_next();
    } else {
      for (std::size_t i = first + in_a; i < end; ++i) b_.append(corpus_.sentence(document_, i));
    }
    truncate();
    emit(is_random);
    return is_random ? in_a : chunk;
  }

  void truncate() {  // (e)
    while (a_.size() + b_.size() > room_) {
      (a_.size() > b_.size() ? a_ : b_).drop_one(draws_);
    }
  }

  // (c), but drawing among the other documents only.
  void draw_random_next() {
    const auto others = static_cast<std::uint32_t>(corpus_.document_count() - 1);
    std::size_t other = draws_.next_below(others);
    if (other >= document_) ++other;
    const std::size_t sentences = corpus_.sentences_in(other);
    std::size_t i = draws_.next_below(static_cast<std::uint32_t>(sentences));
    const std::size_t wanted = target_ > a_.size() ? target_ - a_.size() : 0;
    do {
      b_.append(corpus_.sentence(other, i++));
    } while (i < sentences && b_.size() < wanted);
  }

  void emit(bool is_random) {
    sample_.tokens.clear();
    sample_.tokens.push_back(options_.cls);
    a_.append_to(sample_.tokens);
    sample_.tokens.push_back(options_.sep);
    sample_.a_length = static_cast<std::uint32_t>(sample_.tokens.size());
    if (b_.size() > 0) {
      b_.append_to(sample_.tokens);
      sample_.tokens.push_back(options_.sep);
    }
    sample_.is_random_next = is_random;
    sink_(sample_);
  }

  const TokenDocuments& corpus_;
  const Options& options_;
  std::size_t document_;
  const Sink& sink_;
  PhiloxSequence draws_;
  std::size_t room_ = 0;    // tokens of A and B together
  std::size_t target_ = 0;  // drawn once per document
  Segment a_;
  Segment b_;
  Sample sample_;
};

SampleBuilder::SampleBuilder(const TokenDocuments& corpus, Options options)
    : corpus_(corpus), options_(options) {
  if (options.max_length < 5 || options.max_length > 65535) {
    throw UsageError(
        fmt::format("samples: max_length is {}, expected 5 to 65535; BERT uses 128 or 512",
                    options.max_length));
  }
  if (options.next_sentence == NextSentence::nsp && corpus.document_count() == 1) {
    throw DataError(
        "samples: next-sentence pairs need at least two documents, the corpus has one; separate "
        "documents with blank lines, or set samples.next_sentence to sop or none");
  }
}

void SampleBuilder::build(std::size_t document, std::uint32_t round, const Sink& sink) const {
  Pass(*this, document, round, sink).run();
}

SegmentLengths fit_segments(SegmentLengths lengths, std::int64_t room) {
  const std::int64_t excess = lengths.a + lengths.b - room;
  if (excess <= 0) return lengths;
  std::int64_t& longer = lengths.a > lengths.b ? lengths.a : lengths.b;
  const std::int64_t difference = std::max(lengths.a, lengths.b) - std::min(lengths.a, lengths.b);
  const std::int64_t levelling = std::min(excess, difference);
  longer -= levelling;
  const std::int64_t rest = excess - levelling;  // equal now: B loses the first, A the second, ...
  lengths.b -= (rest + 1) / 2;
  lengths.a -= rest / 2;
  return lengths;
}

}  // namespace bertyard
