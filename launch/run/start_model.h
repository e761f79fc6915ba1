// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/log.h"
#include "launch/config/run_config.h"
#include "launch/run/saved_model.h"

namespace bertyard {

// What a model is started from for. A fine-tuning can take the model's own vocabulary, samples of
// pre-training are made with one.
enum class StartFor { pre_training, fine_tuning };

// The options that decide into which pieces a text is cut, as keys of the configuration.
std::string tokenizer_text(const TokenizerOptions& options);

// Throws UsageError where tokenizer.vocab is another vocabulary than that of the model to start
// from, or the options of the tokenizer are others than those that its tokenizer_config.json or
// tokenizer.json says: its word vectors would stand for other words.
void check_vocabulary(const RunConfig& config, const SavedModel& start,
                      const Vocabulary& vocabulary, StartFor use);

// What model.from names, for pre-training that goes on from it: a run, a checkpoint or a Hugging
// Face directory. Throws UsageError where its vocabulary is not `vocabulary`, or where it is
// another model than `model`, with the settings that would make that the same.
SavedModel open_start_model(const RunConfig& config, const ModelConfig& model,
                            const Vocabulary& vocabulary, Logger& log);

}  // namespace bertyard
