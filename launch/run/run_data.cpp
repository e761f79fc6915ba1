// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_data.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"
#include "launch/run/rank_log.h"
#include "launch/run/resume_choice.h"
#include "launch/run/start_model.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// What another program wrote does not say how it cut its text; a run that has begun has decided.
void check_tokenizer(const std::string& samples, const RunConfig& config) {
  if (samples.empty() || has_begun(config.run)) return;
  const fs::path directory =
      fs::is_directory(samples) ? fs::path(samples) : fs::path(samples).parent_path();
  if (!fs::exists(directory / kManifestName)) return;
  const ShardParameters made = read_manifest(directory).parameters;
  if (!made.converted_from.empty()) return;
  const std::string theirs = tokenizer_text(made.tokenizer);
  const std::string ours = tokenizer_text(config.tokenizer.options);
  if (theirs == ours) return;
  throw DataError(fmt::format(
      "{}: prepared with tokenizer {}, the configuration has {}; set tokenizer to that, or run "
      "prepare again",
      samples, theirs, ours));
}

// tokenizer.vocab, or what `prepare` would write there: the vocabulary of model.from, or, in its
// place, as many entries as would be learnt.
Vocabulary expected_vocabulary(const RunConfig& config) {
  const std::string &file = config.tokenizer.vocab, &from = config.model.from;
  if (!file.empty() && fs::exists(file)) return Vocabulary::load(file);
  if (fs::is_directory(from)) {
    Logger log = rank_logger({}, 0, "");
    if (auto own = open_saved_model(from, log).vocabulary) return *std::move(own);
  }
  return synthetic_vocabulary(config.tokenizer.learn.size);
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
    check_tokenizer(samples, config);
  }
  std::unique_ptr<SampleSource> train = open_samples(config.data.train, expectations);
  std::unique_ptr<SampleSource> valid;
  if (!config.data.valid.empty()) valid = open_samples(config.data.valid, expectations);
  return {std::move(vocabulary), std::move(train), std::move(valid)};
}

RunData make_synthetic_data(const RunConfig& config, const SyntheticOptions& options) {
  Vocabulary vocabulary = expected_vocabulary(config);
  auto train = std::make_unique<SyntheticSource>(options, vocabulary);
  return {std::move(vocabulary), std::move(train), nullptr};
}

}  // namespace bertyard
