// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_data.h"

#include <filesystem>
#include <utility>

#include "data/shards/open_samples.h"

namespace bertyard {

RunData open_run_data(const RunConfig& config) {
  Vocabulary vocabulary = Vocabulary::load(config.tokenizer.vocab);
  SampleExpectations expectations;
  expectations.vocabulary_hash = vocabulary.hash();
  expectations.vocabulary_size = static_cast<std::uint32_t>(vocabulary.size());
  expectations.segments = static_cast<int>(config.model.architecture.segments);
  expectations.max_length = config.model.architecture.max_positions;
  std::unique_ptr<SampleSource> train = open_samples(config.data.train, expectations);
  std::unique_ptr<SampleSource> valid;
  if (!config.data.valid.empty()) valid = open_samples(config.data.valid, expectations);
  return {std::move(vocabulary), std::move(train), std::move(valid)};
}

RunData make_synthetic_data(const RunConfig& config, const SyntheticOptions& options) {
  const std::string& vocab = config.tokenizer.vocab;
  const bool learnt = !vocab.empty() && std::filesystem::exists(vocab);
  Vocabulary vocabulary =
      learnt ? Vocabulary::load(vocab) : synthetic_vocabulary(config.tokenizer.learn.size);
  auto train = std::make_unique<SyntheticSource>(options, vocabulary);
  return {std::move(vocabulary), std::move(train), nullptr};
}

}  // namespace bertyard
