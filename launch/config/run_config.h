// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/nn/model_config.h"
#include "core/optim/optimizer_options.h"
#include "core/optim/schedule.h"
#include "data/options.h"
#include "data/tasks/task_options.h"
#include "launch/config/cluster_options.h"
#include "launch/config/launch_options.h"
#include "train/distillation_options.h"
#include "train/options.h"
#include "train/watch_options.h"

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

// What stands on the encoder of a tagger.
enum class TaggingHead { linear, crf, bilstm, bilstm_crf };

// Fine-tuning: every combination of the lists is one training.
struct FinetuneSection {
  std::vector<double> learning_rates{5e-5};
  std::vector<std::int64_t> batches{32};
  std::vector<double> epochs{3};
  std::vector<std::int64_t> seeds{42};
  double warmup = 0.1;                     // share of the steps
  int early_stopping = 0;                  // evaluations without a better score; 0: never
  std::vector<std::string> class_weights;  // numbers by label, or "balanced"; empty: all 1
  TaggingHead head = TaggingHead::linear;
  bool operator==(const FinetuneSection&) const = default;
};

// Everything one YAML file says, resolved. A plain value: load_config() of launch/config/config.h
// makes it. Relative paths are relative to the working directory of the process.
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
  Precision precision = Precision::automatic;
  ParallelOptions parallel;
  CheckpointOptions checkpoint;
  EvaluationOptions eval;
  LogOptions log;
  WatchOptions watch;  // keys of parallel, checkpoint and optim
  TaskOptions task;
  FinetuneSection finetune;
  SlurmSection slurm;
  LaunchSection launch;
  ClusterOptions cluster;
  DistillationOptions distill;
  bool operator==(const RunConfig&) const = default;
};

}  // namespace bertyard
