// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_data.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/shards/open_samples.h"
#include "launch/run/rank_log.h"
#include "launch/run/resume_choice.h"
#include "launch/run/start_model.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

void check_tokenizer(const SourceProperties& samples, const TokenizerOptions& configured) {
  if (!samples.tokenizer) return;
  const std::string theirs = tokenizer_text(*samples.tokenizer), ours = tokenizer_text(configured);
  if (theirs == ours) return;
  throw DataError(fmt::format(
      "{}: prepared with tokenizer {}, the configuration has {}; set tokenizer to that, or run "
      "prepare again",
      samples.path, theirs, ours));
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
  std::unique_ptr<SampleSource> train = open_samples(config.data.train, expectations);
  std::unique_ptr<SampleSource> valid;
  if (!config.data.valid.empty()) valid = open_samples(config.data.valid, expectations);
  if (!has_begun(config.run)) {  // else it has decided
    check_tokenizer(train->properties(), config.tokenizer.options);
    if (valid) check_tokenizer(valid->properties(), config.tokenizer.options);
  }
  return {std::move(vocabulary), std::move(train), std::move(valid)};
}

RunData make_synthetic_data(const RunConfig& config, const SyntheticOptions& options) {
  Vocabulary vocabulary = expected_vocabulary(config);
  auto train = std::make_unique<SyntheticSource>(options, vocabulary);
  return {std::move(vocabulary), std::move(train), nullptr};
}

}  // namespace bertyard
