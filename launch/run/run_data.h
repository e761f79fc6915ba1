// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "data/samples/sample_source.h"
#include "data/samples/synthetic_source.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/config/run_config.h"

namespace bertyard {

// What a run reads.
struct RunData {
  Vocabulary vocabulary;
  std::unique_ptr<SampleSource> train;
  std::unique_ptr<SampleSource> valid;  // null where nothing is held out
};

// Opens what the configuration names. Throws DataError for shards and vocabularies that are not
// there or do not fit together.
RunData open_run_data(const RunConfig& config);

// Stands in for data that `prepare` has not made yet: random samples, and, where tokenizer.vocab is
// not there either, the vocabulary of model.from or one of tokenizer.learn.size entries. Nothing is
// held out.
RunData make_synthetic_data(const RunConfig& config, const SyntheticOptions& options);

}  // namespace bertyard
