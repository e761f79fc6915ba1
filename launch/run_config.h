// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/nn/model_config.h"
#include "core/optim/optimizer_options.h"
#include "core/optim/schedule.h"
#include "data/options.h"
#include "train/distillation_options.h"
#include "train/options.h"

namespace bertyard {

struct TokenizerSection {
  std::string vocab;  // used if it exists, else learnt by `prepare` and written there
  VocabularyLearningOptions learn;
  TokenizerOptions options;
  bool operator==(const TokenizerSection&) const = default;
};

struct ModelSection {
  std::string preset = "bert-base";
  ModelConfig architecture;  // its vocab_size is no key: it comes from the vocabulary
  std::string from;          // weights to start from; empty: initialised at random
  bool operator==(const ModelSection&) const = default;
};

struct OptimSection {
  OptimizerOptions optimizer;
  Amount warmup{10000, AmountUnit::steps};
  Decay decay = Decay::linear;
  ScheduleForm form = ScheduleForm::google;
  double end_rate = 0;
  double polynomial_degree = 0.5;
  bool operator==(const OptimSection&) const = default;
};

// Everything one YAML file says, resolved. A plain value: load_config() of launch/config.h makes
// it. Relative paths are relative to the working directory of the process.
struct RunConfig {
  RunOptions run;
  CorpusOptions corpus;
  TokenizerSection tokenizer;
  SampleOptions samples;
  ModelSection model;
  DataOptions data;
  std::vector<Phase> schedule{{{900000, AmountUnit::steps}, 128, 256},
                              {{1000000, AmountUnit::steps}, 512, 256}};
  OptimSection optim;
  Precision precision = Precision::fp32;
  ParallelOptions parallel;
  CheckpointOptions checkpoint;
  EvaluationOptions eval;
  LogOptions log;
  DistillationOptions distill;
  bool operator==(const RunConfig&) const = default;
};

}  // namespace bertyard
