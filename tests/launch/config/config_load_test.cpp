// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "core/backend/built_with.h"
#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ConfigLoadTest = ConfigTest;

// With what loading settles by the device.
RunConfig defaults() {
  RunConfig config;
  config.precision = cuda_device_count() > 0 ? Precision::bf16 : Precision::fp32;
  return config;
}

TEST_F(ConfigLoadTest, EmptyFileGivesTheDefaults) {
  EXPECT_EQ(load("").config, defaults());
  EXPECT_EQ(load("# nothing yet\nmodel:\noptim: {}\n").config, defaults());
}

TEST_F(ConfigLoadTest, ReadsTheSectionsOfPrepare) {
  const RunConfig config =
      load(
          "run: {name: demo, dir: out, seed: 7}\n"
          "corpus: {text: [a.txt, b.gz], layout: wrapped, document_start: '^CHAPTER', "
          "skip_lines: 3, held_out: 2%}\n"
          "tokenizer: {vocab: v.txt, learn: {size: 8k, min_frequency: 5}, lower_case: false, "
          "strip_accents: true, split_cjk: false}\n"
          "samples: {out: d, max_length: 128, short_sequence: 0%, next_sentence: none, "
          "duplicate: 5, mask: {when: prepare, rate: 20%, unit: word, replace: 100%, random: 0%, "
          "keep: 0%, max_predictions: 12}, shard: 1 MiB}\n"
          "schedule: [{until: 20k steps, length: 128}]\n")
          .config;

  EXPECT_EQ(config.run, (RunOptions{"demo", "out", 7}));
  EXPECT_EQ(
      config.corpus,
      (CorpusOptions{{"a.txt", "b.gz"}, TextLayout::wrapped, "^CHAPTER", 3, "text", "en", 0.02}));
  EXPECT_EQ(config.tokenizer, (TokenizerSection{"v.txt", {8000, 5}, {false, true, false, 200}}));
  EXPECT_EQ(config.samples.mask,
            (MaskOptions{MaskTime::prepare, MaskUnit::word, 0.2, 1, 0, 0, 12}));
  EXPECT_EQ(config.samples.next_sentence, NextSentence::none);
  EXPECT_EQ(config.samples.shard_bytes, 1u << 20);
}

TEST_F(ConfigLoadTest, ReadsSpansAndSentenceOrder) {
  const RunConfig config =
      load("samples: {next_sentence: sop, mask: {unit: span, span: {p: 0.3, max: 5}}}\n").config;

  EXPECT_EQ(config.samples.next_sentence, NextSentence::sop);
  EXPECT_EQ(config.samples.mask.unit, MaskUnit::span);
  EXPECT_EQ(config.samples.mask.span_p, 0.3);
  EXPECT_EQ(config.samples.mask.span_max, 5);
}

TEST_F(ConfigLoadTest, ReadsTheSectionsOfTraining) {
  const RunConfig config =
      load(
          "model: {preset: bert-mini, activation: gelu_erf, init: normal, from: x}\n"
          "data: {train: t, valid: v, prefetch: 8, shuffle: blocks, block: 1k, window: 9, cache: "
          "c}\n"
          "schedule: [{until: 3 epochs, length: 32, global_batch: 1k}]\n"
          "optim: {name: lamb, lr: 6e-3, warmup: 200 steps, decay: polynomial, form: nvidia, "
          "end_lr: 1e-5, degree: 1, betas: [0.8, 0.99], epsilon: 1e-8, weight_decay: 0.1, clip: "
          "0}\n"
          "parallel: {backend: cpu, comm: auto, threads: 2, micro_batch: {tokens: 16k, "
          "sequences: 256, masked: 2.5k}, bucket: 1 MiB}\n"
          "checkpoint: {every: 500 steps, keep_last: 2, keep_every: 1k steps, keep_best: 0, "
          "resume: other/run}\n"
          "eval: {every: 100 steps, samples: 500}\n"
          "log: {every: 1 step, console: plain, jsonl: false, tensorboard: false, level: debug}\n")
          .config;

  EXPECT_EQ(config.model.architecture.hidden, 256);
  EXPECT_EQ(config.model.architecture.activation, Activation::gelu_erf);
  EXPECT_EQ(config.data, (DataOptions{"t", "v", 8, Shuffle::blocks, 1000, 9, "c"}));
  EXPECT_EQ(config.schedule, (std::vector<Phase>{{{3, AmountUnit::epochs}, 32, 1000}}));
  EXPECT_EQ(config.optim, (OptimSection{{OptimizerKind::lamb, 6e-3, 0.8, 0.99, 1e-8, 0.1, 0},
                                        {200, AmountUnit::steps},
                                        Decay::polynomial,
                                        ScheduleForm::nvidia,
                                        1e-5,
                                        1}));
  EXPECT_EQ(config.parallel.micro_batch, (MicroBatchOptions{16000, 256, 2500}));
  EXPECT_EQ(config.parallel.threads, 2);
  EXPECT_EQ(
      config.checkpoint,
      (CheckpointOptions{{500, 0}, 2, {1000, 0}, 0, false, ResumeMode::from_path, "other/run"}));
  EXPECT_EQ(config.eval, (EvaluationOptions{{100, 0}, 500}));
  EXPECT_EQ(config.log, (LogOptions{1, ConsoleMode::plain, false, false, "debug"}));
}

TEST_F(ConfigLoadTest, ReadsWhatARunWatchesItselfFor) {
  const RunConfig config =
      load(
          "parallel: {watchdog: {limit: 10 s, slow_limit: 2 h}, compare_replicas: never, "
          "straggler: {interval: 20 steps, ratio: 1.5}}\n"
          "checkpoint: {max_failures: 5, every: 100 steps}\n"
          "optim: {max_skipped: 4, spike: {rule: rollback, factor: 1.5, window: 50}}\n")
          .config;

  EXPECT_EQ(config.watch, (WatchOptions{.limit = {0, 10},
                                        .slow_limit = {0, 7200},
                                        .compare_replicas = {},
                                        .straggler = {{20, 0}, 1.5},
                                        .spike = {SpikeRule::rollback, 1.5, 50},
                                        .max_skipped = 4,
                                        .max_failed_saves = 5}));
}

TEST_F(ConfigLoadTest, LaterLayersWin) {
  write("base.yaml",
        "model: {preset: bert-mini, layers: 6}\noptim: {lr: 1e-3, clip: 5}\n"
        "run: {name: base, seed: 1}\n");
  write("set.yaml", "optim: {lr: 3e-3}\nrun: {name: set}\n");
  ConfigRequest request;
  request.path = write("run.yaml", "extends: base.yaml\noptim: {lr: 2e-3}\nrun: {name: file}\n");
  request.set_files = {(directory_ / "set.yaml").string()};
  request.overrides = {{"run.name=line", 4}};

  const LoadedConfig loaded = load_config(request);

  EXPECT_EQ(loaded.config.run.name, "line");
  EXPECT_EQ(loaded.config.run.seed, 1u);
  EXPECT_EQ(loaded.config.optim.optimizer.learning_rate, 3e-3);
  EXPECT_EQ(loaded.config.optim.optimizer.clip_norm, 5);
  EXPECT_EQ(loaded.config.model.architecture.layers, 6);
  EXPECT_EQ(loaded.config.model.architecture.hidden, 256);
  const auto origin = [&](const char* key) {
    return without_directory(loaded.origin_of(key).text());
  };
  EXPECT_EQ(origin("run.name"), "<command line>:arg 4");
  EXPECT_EQ(origin("run.seed"), "base.yaml:3");
  EXPECT_EQ(origin("optim.lr"), "set.yaml:1");
  EXPECT_EQ(origin("optim.clip"), "base.yaml:2");
  EXPECT_EQ(origin("model.layers"), "base.yaml:1");
  EXPECT_EQ(origin("model.hidden"), "preset bert-mini");
  EXPECT_EQ(origin("optim.epsilon"), "default");
  EXPECT_EQ(without_directory(loaded.origin_of("optim.lr").place()), "set.yaml:1:13");
}

TEST_F(ConfigLoadTest, ExtendsIsRelativeToItsFileAndChains) {
  std::filesystem::create_directory(directory_ / "presets");
  write("presets/a.yaml", "run: {seed: 5}\n");
  write("presets/b.yaml", "extends: a.yaml\noptim: {lr: 5e-4}\n");

  const RunConfig config = load("extends: presets/b.yaml\n").config;

  EXPECT_EQ(config.run.seed, 5u);
  EXPECT_EQ(config.optim.optimizer.learning_rate, 5e-4);
}

TEST_F(ConfigLoadTest, CirclesOfExtendsAreRefused) {
  write("other.yaml", "extends: ./run.yaml\n");

  EXPECT_THAT(report("extends: other.yaml\n"),
              HasSubstr("other.yaml:1:10: error: 'extends: ./run.yaml' closes a circle of files "
                        "that extend each other"));
  EXPECT_THAT(report("extends: run.yaml\n"), HasSubstr("closes a circle"));
}

TEST_F(ConfigLoadTest, MistakesOfReplacedLayersAreShown) {
  write("base.yaml", "optim: {lr: fast}\n");

  EXPECT_THAT(report("extends: base.yaml\noptim: {lr: 1e-3}\n"),
              HasSubstr("base.yaml:1:13: error: 'optim.lr' is 'fast'"));
}

TEST_F(ConfigLoadTest, MissingFilesAreNamed) {
  EXPECT_THAT(report("extends: gone.yaml\n"),
              HasSubstr("run.yaml:1:10: error: cannot read the configuration 'gone.yaml': No such "
                        "file or directory"));
  const std::string gone = (directory_ / "gone.yaml").string();
  EXPECT_EQ(report_of([&] {
              load_config({gone, {}, {}});
            }),
            "error: cannot read the configuration 'gone.yaml': No such file or directory\n"
            "1 error(s)");
  EXPECT_THAT(report_of([&] {
                load_config({directory_.path().string(), {}, {}});
              }),
              HasSubstr("it is a directory"));
}

TEST_F(ConfigLoadTest, OverridesReachSectionsListsAndPhases) {
  const RunConfig config =
      load(
          "schedule: [{until: 10 steps}, {until: 20 steps, global_batch: 8}]\n"
          "corpus: {text: [x]}\noptim: {lr: 1e-3, clip: 3, warmup: 0 steps}\n",
          {"corpus.text=[a, b.gz]", "schedule.0.global_batch=1024", "optim.clip=null",
           "optim={lr: 7e-4}", "parallel.micro_batch.tokens=16k", "parallel.micro_batch=auto"})
          .config;

  EXPECT_THAT(config.corpus.text, ::testing::ElementsAre("a", "b.gz"));
  EXPECT_EQ(config.schedule[0].global_batch, 1024);
  EXPECT_EQ(config.schedule[1].global_batch, 8);
  EXPECT_EQ(config.optim.optimizer.clip_norm, 1.0);
  EXPECT_EQ(config.optim.optimizer.learning_rate, 7e-4);
  EXPECT_EQ(config.parallel.micro_batch.tokens, 0);
}

TEST_F(ConfigLoadTest, NullResetsToTheDefaultAndItsOrigin) {
  const LoadedConfig loaded =
      load("schedule: [{until: 10 steps}]\noptim: {lr: 1e-3}\nmodel: {layers: 3}\n",
           {"schedule=null", "optim=null", "model.layers=~"});

  EXPECT_EQ(loaded.config, defaults());
  EXPECT_EQ(loaded.origin_of("optim.lr").text(), "default");
}

TEST_F(ConfigLoadTest, TheDeviceDecidesThePrecisionUnlessTheFileDoes) {
  const auto loaded = [this](const std::string& text) {
    ConfigRequest request{write("run.yaml", text), {}, {}, ConfigUse::elsewhere};
    return load_config(request);
  };
  const LoadedConfig gpu = loaded("parallel: {backend: cuda}");

  EXPECT_EQ(gpu.config.precision, Precision::bf16);
  EXPECT_EQ(gpu.origin_of("precision").text(), "from parallel.backend");
  EXPECT_EQ(loaded("precision: auto\nparallel: {backend: cuda}").config.precision, Precision::bf16);
  EXPECT_EQ(loaded("precision: fp32\nparallel: {backend: cuda}").config.precision, Precision::fp32);
  EXPECT_EQ(loaded("parallel: {backend: cpu}").config.precision, Precision::fp32);
  EXPECT_EQ(loaded("distill: {teacher: t}").config.precision, Precision::fp32);
  EXPECT_EQ(loaded("model: {preset: elmo, heads: null}").config.precision, Precision::fp32);
}

TEST_F(ConfigLoadTest, OverrideMistakesNameTheArgument) {
  EXPECT_EQ(
      report("", {"optim.lr=5e-4", "optim.lrr=3", "model.layers=many", "nonsense",
                  "schedule.2.until=5 steps", "schedule.0=4", "extends=x.yaml", "run.name=[a"}),
      "<command line>:arg 4: error: unknown key 'optim.lrr'; did you mean 'lr'?\n"
      "      | optim.lrr=3\n"
      "      | ^\n"
      "<command line>:arg 5: error: 'model.layers' is 'many', expected a whole number such as "
      "768 or 16k\n"
      "      | model.layers=many\n"
      "      |              ^\n"
      "<command line>:arg 6: error: 'nonsense' is no override, expected key=value such as "
      "optim.lr=5e-4\n"
      "      | nonsense\n"
      "      | ^\n"
      "<command line>:arg 7: error: the schedule has no phase '2', expected schedule.0 to "
      "schedule.1\n"
      "      | schedule.2.until=5 steps\n"
      "      | ^\n"
      "<command line>:arg 8: error: 'schedule.0' is '4', expected schedule.0.until=..., "
      ".length=... or .global_batch=...\n"
      "      | schedule.0=4\n"
      "      |            ^\n"
      "<command line>:arg 9: error: 'extends' stands in a file only; use --set-file\n"
      "      | extends=x.yaml\n"
      "      | ^\n"
      "<command line>:arg 10: error: a key must be plain text; is a bracket left open?\n"
      "      | run.name=[a\n"
      "      |          ^\n"
      "7 error(s)");
}

TEST_F(ConfigLoadTest, DataLiesWherePrepareWritesUnlessSaid) {
  const LoadedConfig loaded = load("samples: {out: d}\neval: {every: 5 steps}\n");
  EXPECT_EQ(loaded.config.data.train, "d/train");
  EXPECT_EQ(loaded.config.data.valid, "d/valid");
  EXPECT_EQ(loaded.origin_of("data.train").text(), "from samples.out");

  const RunConfig said =
      load("samples: {out: d}\ndata: {train: t}\ncorpus: {held_out: 0%}\n").config;
  EXPECT_EQ(said.data.train, "t");
  EXPECT_EQ(said.data.valid, "");
}

TEST_F(ConfigLoadTest, NeededKeysAreAskedForTogether) {
  const LoadedConfig loaded = load("samples: {out: d}\n");
  const std::string found = report_of([&] {
    require_keys(loaded, {"corpus.text", "tokenizer.vocab", "samples.out"}, "prepare");
  });

  EXPECT_THAT(found, HasSubstr("error: 'corpus.text' is not set, but 'prepare' needs it"));
  EXPECT_THAT(found, HasSubstr("error: 'tokenizer.vocab' is not set"));
  EXPECT_THAT(found, HasSubstr("2 error(s)"));
}

TEST_F(ConfigLoadTest, SizeAndDepthAreBounded) {
  EXPECT_THAT(report(std::string((1u << 20) + 1, '#')),
              HasSubstr("1048577 bytes, expected a configuration of at most 1048576"));
  EXPECT_THAT(report("run: " + std::string(100000, '[')), HasSubstr("more than 64 brackets"));
  EXPECT_THAT(report("run: " + std::string(30, '[') + std::string(30, ']')),
              HasSubstr("nested too deep; a configuration has at most 16 levels"));
  std::string dashes;
  for (int i = 0; i < 100000; ++i) dashes += "- ";
  EXPECT_THAT(report(dashes + "x"), HasSubstr("nested too deep"));
  EXPECT_THAT(report(std::string(5000, ' ') + "a: 1"), HasSubstr("nested too deep"));
  std::string stairs;
  for (int i = 0; i < 100; ++i) stairs += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(report(stairs), HasSubstr("nested too deep"));
}

TEST_F(ConfigLoadTest, ByteOrderMarkAndWindowsLineEndsAreRead) {
  EXPECT_EQ(load("\xEF\xBB\xBFrun: {seed: 9}\r\noptim:\r\n  clip: 2\r\n").config.run.seed, 9u);
}

TEST_F(ConfigLoadTest, KeepsTheTextAsItWasRead) {
  EXPECT_EQ(load("run: {seed: 9} # mine\n").input_text, "run: {seed: 9} # mine\n");
}

TEST_F(ConfigLoadTest, AColumnMayBeNamedByADigit) {
  const TaskColumns columns =
      load("task: {kind: classify, columns: {text: text, label: '1'}}\n").config.task.columns;

  EXPECT_EQ(columns.label, "1");
}

TEST_F(ConfigLoadTest, QuestionsHaveTheLengthOfThePaper) {
  EXPECT_EQ(load("task: {kind: qa}\n").config.task.max_length, 384);
  EXPECT_EQ(load("task: {kind: qa}\n").config.task.stride, 128);
  EXPECT_EQ(load("task: {kind: qa, max_length: 128}\n").config.task.max_length, 128);
  EXPECT_EQ(load("task: {kind: tag}\n").config.task.max_length, 128);
}

}  // namespace
}  // namespace bertyard
