// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_data.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"
#include "launch/run/start_model.h"

namespace bertyard {

namespace {

namespace fs = std::filesystem;

// What another program wrote does not say how it cut its text.
void check_tokenizer(const std::string& samples, const TokenizerOptions& configured) {
  if (!fs::exists(fs::path(samples) / kManifestName)) return;
  const ShardParameters made = read_manifest(samples).parameters;
  if (!made.converted_from.empty()) return;
  const std::string theirs = tokenizer_text(made.tokenizer), ours = tokenizer_text(configured);
  if (theirs == ours) return;
  throw DataError(fmt::format(
      "{}: prepared with tokenizer {}, the configuration has {}; set tokenizer to that, or run "
      "prepare again",
      samples, theirs, ours));
}

}  // namespace

RunData open_run_data(const RunConfig& config) {
  Vocabulary vocabulary = Vocabulary::load(config.tokenizer.vocab);
  SampleExpectations expectations;
  expectations.vocabulary_hash = vocabulary.hash();
  expectations.vocabulary_size = static_cast<std::uint32_t>(vocabulary.size());
  expectations.segments = static_cast<int>(config.model.architecture.segments);
  expectations.max_length = config.model.architecture.max_positions;
  for (const std::string& samples : {config.data.train, config.data.valid}) {
    check_tokenizer(samples, config.tokenizer.options);
  }
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
