// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/options.h"
#include "data/samples/masking.h"
#include "data/samples/sample_builder.h"
#include "data/samples/tokenized_corpus.h"

namespace bertyard {

struct GoogleSampleOptions {
  std::uint64_t seed = 12345;
  Sampling rules = Sampling::google;  // google or nvidia
  int max_length = 128;
  double short_sequence = 0.1;
  int duplicate = 10;
  MaskOptions mask;  // unit token or word
};

// The samples of google-research/bert's create_pretraining_data.py in the order in which it writes
// them, draw for draw: one Mersenne Twister for shuffling documents, cutting, masking, and
// shuffling samples. With rules nvidia, those of DeepLearningExamples' copy: where ten draws found
// no other document the label is "is next", though B still comes from what was drawn. Holds all
// samples in memory, runs on one thread, and takes a corpus of one document, as the program does.
// The arguments of the sink are reused.
using MaskedSampleSink = std::function<void(const Sample&, const MaskedTokens&)>;
void make_google_samples(const TokenizedCorpus& corpus, const MaskVocabulary& vocabulary,
                         const GoogleSampleOptions& options, const MaskedSampleSink& sink);

// Throws UsageError for settings that the program does not have: samples without pairs, spans,
// masks drawn in training, whole words with NVIDIA's rules.
void check_google_settings(Sampling rules, NextSentence next_sentence, const MaskOptions& mask);

}  // namespace bertyard
