// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/options.h"
#include "data/samples/token_documents.h"

namespace bertyard {

// One pre-training sample before masking: [CLS] A [SEP] B [SEP], or [CLS] A [SEP].
struct Sample {
  std::vector<std::uint32_t> tokens;
  std::uint32_t a_length = 0;   // tokens of "[CLS] A [SEP]"; all of them where there is no B
  bool is_random_next = false;  // NSP: B is from another document; SOP: A and B were swapped
  bool operator==(const Sample&) const = default;
};

// Cuts sentences into samples as Google's create_pretraining_data.py does (steps 3 to 6 of its
// loop over a document), with Philox draws keyed by (seed, round, document id) in place of one
// Mersenne Twister: a document's samples depend on no other document's draws.
// One difference: the other document of a random next sentence is drawn among the others, so that
// the label is always true. Sentence order (SOP) shares the walk and its one draw of a document's
// target length; single segments (none) draw one for every sample. Borrows the corpus.
class SampleBuilder {
 public:
  struct Options {
    std::uint64_t seed = 0;
    int max_length = 512;  // with [CLS] and both [SEP]; at least 5
    double short_sequence = 0.1;
    NextSentence next_sentence = NextSentence::nsp;
    std::uint32_t cls = 0;  // id of [CLS]
    std::uint32_t sep = 0;  // id of [SEP]
  };
  using Sink = std::function<void(const Sample&)>;

  // Throws DataError when next_sentence is nsp and the corpus has one document only.
  SampleBuilder(const TokenDocuments& corpus, Options options);

  // The samples of one document in one duplication round, in order. The sink's argument is reused.
  void build(std::size_t document, std::uint32_t round, const Sink& sink) const;

 private:
  class Pass;
  const TokenDocuments& corpus_;
  Options options_;
};

// Tokens of A and of B that fit into `room` when the longer loses its last token until both fit;
// of two equal ones B does. The rule by which a sample is cut to a phase's length.
struct SegmentLengths {
  std::int64_t a = 0;
  std::int64_t b = 0;
};
SegmentLengths fit_segments(SegmentLengths lengths, std::int64_t room);

}  // namespace bertyard
