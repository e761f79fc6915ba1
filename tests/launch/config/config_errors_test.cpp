// SPDX-License-Identifier: Apache-2.0
#include "core/backend/built_with.h"
#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ConfigErrorsTest = ConfigTest;

TEST_F(ConfigErrorsTest, ShowsEveryMistakeWithItsLine) {
  const std::string text =
      "model:\n"
      "  preset: bert-bas\n"
      "  hiden: 512\n"
      "optim:\n"
      "  lr: 1e-4\n"
      "  lr: 2e-4\n"
      "train:\n"
      "  keep_last: 5\n";

  EXPECT_EQ(
      report(text),
      "run.yaml:2:11: error: 'model.preset' is 'bert-bas', expected one of: bert-tiny, "
      "bert-mini, bert-small, bert-medium, bert-base, bert-large, elmo; did you mean 'bert-base'?\n"
      "    2 |   preset: bert-bas\n"
      "      |           ^\n"
      "run.yaml:3:3: error: unknown key 'model.hiden'; did you mean 'hidden'?\n"
      "    3 |   hiden: 512\n"
      "      |   ^\n"
      "run.yaml:6:3: error: duplicate key 'optim.lr'; keep one of them\n"
      "    6 |   lr: 2e-4\n"
      "      |   ^\n"
      "run.yaml:8:3: error: unknown key 'train.keep_last'; 'keep_last' exists as "
      "'checkpoint.keep_last'\n"
      "    8 |   keep_last: 5\n"
      "      |   ^\n"
      "4 error(s)");
}

TEST_F(ConfigErrorsTest, CaretStandsUnderTheCharacterAfterAccents) {
  EXPECT_THAT(report("run: {name: \"d\u00e9mo\", x: 1}\n"),
              HasSubstr("| run: {name: \"d\u00e9mo\", x: 1}\n"
                        "      |                     ^\n"));
}

TEST_F(ConfigErrorsTest, AFineTuningIsNotCheckedAsAPreTraining) {
  const std::string sizes =
      "model: {preset: bert-tiny, max_positions: 64}\noptim: {end_lr: 1}\n"
      "parallel: {micro_batch: {tokens: 64, masked: 4}}\n";
  const std::string task = "task: {kind: tag, max_length: ";

  EXPECT_THAT(report(sizes), HasSubstr("error(s)"));
  EXPECT_EQ(report(sizes + task + "64}\n"), "no mistake");
  EXPECT_THAT(report(sizes + task + "65}\n"),
              HasSubstr("'parallel.micro_batch.tokens' 64 (run.yaml:3:34) cannot hold one sample, "
                        "'task.max_length' 65 (run.yaml:4:31); use auto"));
}

struct Mistake {
  const char* text;
  const char* message;
};

class SingleMistake : public ConfigTest, public ::testing::WithParamInterface<Mistake> {};

TEST_P(SingleMistake, IsReportedAtItsPlace) {
  const std::string found = report(GetParam().text);
  EXPECT_THAT(found, HasSubstr(GetParam().message)) << GetParam().text;
  EXPECT_THAT(found, HasSubstr("\n1 error(s)"));
}

const Mistake kKeyMistakes[] = {
    {"finetune: {seed: 3}", "unknown key 'finetune.seed'; did you mean 'seeds'?"},
    {"model: {form: a}", "unknown key 'model.form'; did you mean 'from'?"},
    {"lr: 3", "run.yaml:1:1: error: unknown key 'lr'; 'lr' exists as 'optim.lr'"},
    {"modle: {layers: 2}", "run.yaml:1:1: error: unknown key 'modle'; did you mean 'model'?"},
    {"train: {every: 5}",
     "unknown key 'train.every'; 'every' exists as 'checkpoint.every', "
     "'eval.every', 'log.every'"},
    {"data: {zzz: 5}", "unknown key 'data.zzz'; expected one of: train, valid, prefetch, shuffle"},
    {"schedule: [{until: 20k steps, bulk: 3}]",
     "unknown key 'schedule.0.bulk'; expected one of: until, length, global_batch"},
    {"model: 5",
     "run.yaml:1:8: error: 'model' is '5', expected a section with keys such as "
     "'preset'"},
    {"model: [1]", "'model' is a list, expected a section"},
    {"[1, 2]", "run.yaml:1:1: error: expected sections such as 'model:' at the top of the file"},
    {"{[a]: 1}", "a key must be plain text"},
    {"data:\n  <<: {a: 1}",
     "run.yaml:2:3: error: merge keys (<<) are not supported; use "
     "'extends'"},
    {"run: &a {name: x}", "anchors (&) and aliases (*) are not supported"},
    {"run: {name: !text x}", "tags (!) are not supported"},
    {"run: {name: a}\n---\nrun: {name: b}", "a second document starts here; keep one"},
    {"optim: {lr: }", "'optim.lr' has no value; write one, or null for the default"},
    {"extends: [a, b]", "'extends' expects the path of one file, relative to this one"},
    {"model: {vocab_size: 99}",
     "'model.vocab_size' is not a key: the size is that of the vocabulary, 'tokenizer.vocab'"},
};
INSTANTIATE_TEST_SUITE_P(Keys, SingleMistake, ::testing::ValuesIn(kKeyMistakes));

const Mistake kYamlMistakes[] = {
    {"run:\n\tname: x",
     "run.yaml:2:1: error: a tab in the indentation; YAML wants spaces, tabs are "
     "not allowed"},
    {"run: {name: x", "error: not valid YAML: end of map flow not found"},
    {"corpus: {text: [a, b}", "run.yaml:1:21: error: not valid YAML: illegal flow end"},
    {"run: {name: \"\x01\"}",
     "run.yaml:1:14: error: control character 0x01; a configuration is "
     "UTF-8 text"},
    {"run: \"abc", "error: not valid YAML: illegal EOF in scalar"},
};
INSTANTIATE_TEST_SUITE_P(Yaml, SingleMistake, ::testing::ValuesIn(kYamlMistakes));

const Mistake kValueMistakes[] = {
    {"model: {layers: 0}", "'model.layers' is '0', expected a whole number, 1 to 1000"},
    {"model: {layers: 012}", "'model.layers' is '012', expected a whole number such as 768 or 16k"},
    {"run: {seed: 99999999999999999999}",
     "'run.seed' is '99999999999999999999', expected a whole number below 2^53"},
    {"run: {seed: 9007199254740993}", "expected a whole number below 2^53"},
    {"finetune: {lr: []}",
     "'finetune.lr' is an empty list, expected a list, each a number above 0"},
    {"slurm: {array: 5-1}",
     "'slurm.array' is '5-1', expected sbatch's list of task ids, such as 1-5 or 0-7%2, each range "
     "from the lower id to the higher"},
    {"slurm: {array: 1-3%0}", "'slurm.array' is '1-3%0', expected sbatch's list of task ids"},
    {"model: {layers: [1]}", "'model.layers' is a list, expected a whole number"},
    {"model: {layers: {a: 1}}", "'model.layers' is a section, expected a whole number"},
    {"model: {dropout: 1}", "'model.dropout' is '1', expected a number of at least 0 and below 1"},
    {"model: {init_range: 0}", "'model.init_range' is '0', expected a number above 0"},
    {"model: {activation: gelu}",
     "'model.activation' is 'gelu', expected one of: gelu_tanh, gelu_erf"},
    {"optim: {lr: fast}", "'optim.lr' is 'fast', expected a number such as 0.01 or 1e-4"},
    {"optim: {betas: [0.9, 1]}",
     "'optim.betas' is a list, expected two numbers, each at least 0 and below 1"},
    {"optim: {betas: 0.9}",
     "'optim.betas' is '0.9', expected a list of two numbers such as [0.9, 0.999]"},
    {"optim: {warmup: 10000}",
     "run.yaml:1:17: error: 'optim.warmup' is '10000', expected a number with a unit: steps, "
     "epochs, samples or tokens, such as 900k steps"},
    {"optim: {warmup: 1.5 steps}", "expected a whole number of steps, samples or tokens"},
    {"tokenizer: {lower_case: yes}", "'tokenizer.lower_case' is 'yes', expected true or false"},
    {"tokenizer: {strip_accents: no}", "'no', expected auto, true or false"},
    {"corpus: {held_out: 1}",
     "expected a percentage such as 1% or 100%, because a bare 1 could "
     "mean either"},
    {"corpus: {held_out: 150%}", "expected a percentage from 0% to 100% or a fraction below 1"},
    {"corpus: {held_out: few}", "expected a percentage such as 15% or a fraction such as 0.15"},
    {"corpus: {layout: wrapped, document_start: '['}",
     "'corpus.document_start' is '[', expected a regular expression (ECMAScript)"},
    {"corpus: {language: fr}", "'corpus.language' is 'fr', expected one of: en, zh"},
    {"corpus: {text: [[a]]}", "'corpus.text' is a list, expected a list of paths"},
    {"samples: {shard: 256 MB}", "expected a size with a unit: KiB, MiB or GiB, such as 25 MiB"},
    {"samples: {mask: {unit: span, span: {p: 0}}}",
     "'samples.mask.span.p' is '0', expected a number above 0 and below 1"},
    {"samples: {mask: {unit: span, span: {max: 0}}}", "'samples.mask.span.max' is '0'"},
    {"data: {shuffle: blocks, block: 0}", "'data.block' is '0'"},
    {"samples: {next_sentence: nso}", "expected one of: nsp, sop, none; did you mean"},
    {"samples: {shard: 0 MiB}", "expected a size above 0"},
    {"checkpoint: {every: 30}",
     "expected a number with a unit: steps, s, min, h or d, such as 30 min or 500 steps, or never"},
    {"eval: {every: 30 min}", "expected steps, such as 500 steps, or never"},
    {"log: {every: 10}",
     "'log.every' is '10', expected a number with the unit steps, such as 10 "
     "steps"},
    {"log: {level: inf}",
     "expected one of: debug, info, warning, error, off; did you mean 'info'?"},
    {"checkpoint: {resume: ''}", "expected auto, never or a path"},
    {"schedule: 5 steps", "'schedule' is a list of 1 to 100 phases"},
    {"schedule: []", "'schedule' is a list of 1 to 100 phases"},
    {"schedule: [5]", "'schedule.0' is '5', expected {until: 900k steps"},
    {"schedule: [{length: 64}]",
     "run.yaml:1:12: error: 'schedule.0' has no 'until', expected its "
     "end such as until: 900k steps"},
};
INSTANTIATE_TEST_SUITE_P(Values, SingleMistake, ::testing::ValuesIn(kValueMistakes));

const Mistake kRecomputeMistakes[] = {
    {"parallel: {recompute: layer}",
     "'parallel.recompute' is 'layer', expected one of: none, layers; did you mean 'layers'?"},
    {"parallel: {recompute: true}",
     "'parallel.recompute' is 'true', expected one of: none, layers"},
    {"parallel: {recompute: layers}\nmodel: {preset: elmo, heads: null}",
     "run.yaml:1:23: error: 'parallel.recompute' layers (run.yaml:1:23) does not go with an ELMo, "
     "which keeps all activations; use none"},
    {"parallel: {recompute: layers}\ndistill: {teacher: t, attention: 0.5}",
     "'parallel.recompute' layers (run.yaml:1:23) keeps no attention scores, and "
     "'distill.attention' 0.5 (run.yaml:2:34) learns from them; use recompute: none, or "
     "distill.attention: 0"},
};
INSTANTIATE_TEST_SUITE_P(OfRecomputing, SingleMistake, ::testing::ValuesIn(kRecomputeMistakes));

const Mistake kWatchMistakes[] = {
    {"parallel: {watchdog: {limit: 10}}",
     "'parallel.watchdog.limit' is '10', expected a time in s, min, h or d of at least 1 s, such "
     "as 5 min, or never"},
    {"parallel: {watchdog: {limit: 10 steps}}", "expected a time in s, min, h or d"},
    {"parallel: {watchdog: {limit: 0.5 s}}", "of at least 1 s"},
    {"parallel: {watchdog: {slow_limit: [1 s]}}", "a time such as 5 min, or never"},
    {"parallel: {straggler: {ratio: 0.9}}", "'parallel.straggler.ratio' is '0.9', expected"},
    {"parallel: {compare_replicas: 5 min}", "expected steps, such as 500 steps, or never"},
    {"checkpoint: {max_failures: 0}", "'checkpoint.max_failures' is '0', expected"},
    {"optim: {max_skipped: 0}", "'optim.max_skipped' is '0', expected"},
    {"optim: {spike: {rule: jump}}", "expected one of: none, skip, rollback"},
    {"optim: {spike: {factor: 1, rule: skip}}", "'optim.spike.factor' is '1', expected"},
};
INSTANTIATE_TEST_SUITE_P(OfWatching, SingleMistake, ::testing::ValuesIn(kWatchMistakes));

const Mistake kLater[] = {
    {"parallel: {shard_optimizer: 1}", "'parallel.shard_optimizer' is '1', expected true or false"},
    {"parallel: {comm: mpi}", "'parallel.comm: mpi' is not available in this version; use auto"},
    {"log: {prometheus: true}", "'log.prometheus: true' is not available in this version"},
};
INSTANTIATE_TEST_SUITE_P(OfLaterVersions, SingleMistake, ::testing::ValuesIn(kLater));

class MistakeWithoutCuda : public SingleMistake {
 protected:
  void SetUp() override {
    if (built_with_cuda()) GTEST_SKIP() << "this build has CUDA, where these are values";
    SingleMistake::SetUp();
  }
};

TEST_P(MistakeWithoutCuda, IsReportedAtItsPlace) {
  const std::string found = report(GetParam().text);
  EXPECT_THAT(found, HasSubstr(GetParam().message)) << GetParam().text;
  EXPECT_THAT(found, HasSubstr("\n1 error(s)"));
}

const Mistake kNeedCuda[] = {
    {"precision: tf32", "'precision: tf32' is not available: this build has no CUDA; use fp32"},
    {"precision: fp16", "'precision: fp16' is refused on a CPU; use fp32"},
    {"parallel: {backend: cuda}",
     "'parallel.backend: cuda' is not available: this build has no CUDA; use cpu"},
    {"parallel: {comm: nccl}",
     "'parallel.comm: nccl' is not available: this build has no CUDA; use auto"},
    {"parallel: {comm: host}",
     "'parallel.comm: host' is not available: this build has no CUDA; use auto"},
};
INSTANTIATE_TEST_SUITE_P(NeedingCuda, MistakeWithoutCuda, ::testing::ValuesIn(kNeedCuda));

const Mistake kContradictions[] = {
    {"model: {hidden: 768,\n  heads: 11}",
     "run.yaml:1:17: error: 'model.hidden' 768 (run.yaml:1:17) is not divisible by 'model.heads' "
     "11 "
     "(run.yaml:2:10); use heads 8 or 12"},
    {"model: {preset: bert-tiny, heads: 3}",
     "run.yaml:1:35: error: 'model.hidden' 128 (preset bert-tiny) is not divisible by "
     "'model.heads' "
     "3 (run.yaml:1:35); use heads 2 or 4"},
    {"samples: {mask: {replace: 70%}}",
     "run.yaml:1:27: error: 'samples.mask.replace' 70% (run.yaml:1:27), 'samples.mask.random' 10% "
     "(default) and 'samples.mask.keep' 10% (default) are 90% together, expected 100%"},
    {"data: {block: 100}",
     "'data.block' 100 (run.yaml:1:15) has no effect with this 'data.shuffle' (default); use "
     "shuffle: blocks"},
    {"data: {window: 7}", "'data.window' 7 (run.yaml:1:16) has no effect"},
    {"optim: {spike: {factor: 3}}",
     "'optim.spike.factor' 3 (run.yaml:1:25) has no effect with this 'optim.spike.rule' (default); "
     "use rule: skip or rollback"},
    {"run: {dir: ~/runs}", "a path without '~', which only a shell knows; write it out"},
    {"corpus: {text: [\"~/a.txt\"]}", "a list of paths without '~'"},
    {"optim: {spike: {rule: rollback}}",
     "run.yaml:1:23: error: 'optim.spike.rule' rollback (run.yaml:1:23) goes back to a checkpoint, "
     "which must not depend on a clock: 'checkpoint.every' 30 min (default); give a number of "
     "steps"},
    {"optim: {spike: {window: 5}}", "'optim.spike.window' 5 (run.yaml:1:25) has no effect"},
    {"samples: {mask: {span: {p: 0.3}}}",
     "run.yaml:1:28: error: 'samples.mask.span.p' 0.3 (run.yaml:1:28) has no effect with this "
     "'samples.mask.unit' (default); use unit: span"},
    {"samples: {mask: {unit: word, span: {max: 3}}}",
     "'samples.mask.span.max' 3 (run.yaml:1:42) has no effect with this 'samples.mask.unit' "
     "(run.yaml:1:24); use unit: span"},
    {"samples: {sampling: google}",
     "run.yaml:1:21: error: samples.sampling: google: the program that it reproduces has no masks "
     "drawn in training; use mask.when: prepare, or sampling: bertyard"},
    {"samples: {sampling: google, next_sentence: sop, mask: {when: prepare}}",
     "has no next_sentence: sop; use nsp"},
    {"samples: {sampling: google, mask: {when: prepare, unit: span}}",
     "has no mask.unit: span; use token or word"},
    {"samples: {sampling: nvidia, mask: {when: prepare, unit: word}}",
     "samples.sampling: nvidia: the program that it reproduces has no mask.unit: word; use token"},
    {"samples: {mask: {rate: 0%}}", "'samples.mask.rate' is 0, expected above 0%; use 15%"},
    {"schedule: [{until: 20k steps}, {until: 20k steps}]",
     "'schedule.1.until' 20k steps (run.yaml:1:40) is not after 'schedule.0.until' 20k steps "
     "(run.yaml:1:20)"},
    {"schedule: [{until: 20k steps}, {until: 0 epochs}]\noptim: {warmup: 0 steps}",
     "'schedule.1.until' is 0, expected above 0"},
    {"schedule: [{until: 20k steps, length: 512}]\nsamples: {max_length: 128}",
     "run.yaml:1:39: error: 'schedule.0.length' 512 (run.yaml:1:39) is more than "
     "'samples.max_length' 128 (run.yaml:2:23)"},
    {"schedule: [{until: 20k steps, length: 512}]\nmodel: {max_positions: 128}",
     "is more than 'model.max_positions' 128 (run.yaml:2:24)"},
    {"optim: {warmup: 1M steps}",
     "'optim.warmup' 1M steps (run.yaml:1:17) is not shorter than the "
     "run, 'schedule.1.until' 1M steps (default)"},
    {"run: {name: ../x}",
     "run.yaml:1:13: error: 'run.name' ../x (run.yaml:1:13) is not a place below run.dir; give a "
     "plain name"},
    {"run: {name: /x}", "'run.name' /x (run.yaml:1:13) is not a place below run.dir"},
    {"optim: {end_lr: 1}", "'optim.end_lr' 1 (run.yaml:1:17) is above 'optim.lr' 0.0001 (default)"},
    {"corpus: {document_start: x}",
     "'corpus.document_start' has no effect with this "
     "'corpus.layout' (default); use layout: wrapped"},
    {"parallel: {micro_batch: {tokens: 64}}\nschedule: [{until: 20k steps}]",
     "'parallel.micro_batch.tokens' 64 (run.yaml:1:34) cannot hold one sample, 'schedule.0.length' "
     "128 (default); use auto"},
    {"parallel: {micro_batch: {masked: 64}}",
     "cannot hold one sample, "
     "'samples.mask.max_predictions' 77 (default)"},
    {"parallel: {exchange: bf16, reduction: ordered}",
     "'parallel.exchange' bf16 (run.yaml:1:22) rounds sums by who makes them, 'parallel.reduction' "
     "ordered (run.yaml:1:39) promises the same bits"},
    {"eval: {every: 10 steps}",
     "'eval.every' 10 steps (run.yaml:1:15) needs held-out shards, but "
     "'data.valid' is empty; set it, or eval.every: never"},
};
const Mistake kTaskMistakes[] = {
    {"task: {kind: tag}\nfinetune: {seeds: [1, 2, 1]}",
     "run.yaml:2:19: error: 'finetune.seeds' [1, 2, 1] (run.yaml:2:19) has 1 twice, and a training "
     "of its own for each; remove one of them"},
    {"task: {kind: tag}\nfinetune: {lr: [5e-5, 5.0000001e-5]}", "has 5e-05 twice"},
    {"task: {kind: tag}\nfinetune: {epochs: [3, 3.0]}", "has 3 twice"},
    {"task: {kind: tag}\nfinetune: {batch: [32, 32]}", "has 32 twice"},
    {"task: {kind: pair, name: sst2}",
     "'task.kind' pair (run.yaml:1:14) is not the kind of 'task.name' sst2 (run.yaml:1:26); use "
     "kind: classify, or another name"},
    {"task: {kind: classify, name: stsb}", "use kind: regress, or another name"},
    {"task: {kind: classify, name: mrpc}", "use kind: pair, or another name"},
    {"task: {kind: pair, columns: {text: a, label: b}}",
     "needs the column of the second text beside 'task.columns.text' a (run.yaml:1:36); set "
     "'task.columns.pair', or use kind: classify"},
    {"task: {kind: classify, columns: {text: a, pair: b}}",
     "is a class for one text, 'task.columns.pair' b (run.yaml:1:49) names a second; use kind: "
     "pair"},
    {"task: {kind: classify, name: sst2, columns: {label: b}}",
     "'task.columns.label' b (run.yaml:1:53) has no effect without 'task.columns.text'; set that "
     "too"},
    {"task: {kind: classify, columns: {text: '0', label: '1'}}",
     "is no number of a column, expected 1 to 999999; the first column is 1"},
    {"task: {kind: classify, columns: {text: '1', label: '99999999999999999999999'}}",
     "is no number of a column, expected 1 to 999999"},
    {"task: {kind: classify, columns: {text: '1', label: label}}",
     "'task.columns.label' label (run.yaml:1:52) a name; give numbers for all columns where the "
     "files have no header, else names for all"},
    {"task: {kind: classify, labels: [a, b, a]}",
     "has 'a' twice; labels are numbered as they stand there, so name each once"},
    {"task: {kind: tag, labels: [O]}",
     "'task.labels' [O] (run.yaml:1:27) is one label, expected at least two"},
    {"task: {kind: classify, metric: pearson}",
     "'task.kind' classify (run.yaml:1:14) has no 'task.metric' pearson (run.yaml:1:32); use auto, "
     "or one of: accuracy, f1, macro_f1, matthews"},
    {"task: {kind: regress, metric: f1}", "use auto, or one of: pearson, spearman"},
    {"task: {kind: tag, metric: squad}", "use auto, or one of: span_f1, accuracy"},
    {"task: {kind: qa, metric: accuracy}", "use auto, or one of: squad, cmrc, f1"},
};
INSTANTIATE_TEST_SUITE_P(OfTasks, SingleMistake, ::testing::ValuesIn(kTaskMistakes));

INSTANTIATE_TEST_SUITE_P(Contradictions, SingleMistake, ::testing::ValuesIn(kContradictions));

}  // namespace
}  // namespace bertyard
