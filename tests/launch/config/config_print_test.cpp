// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <nlohmann/json.hpp>

#include "launch/config/config_field.h"
#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ConfigPrintTest = ConfigTest;

constexpr char kUnusual[] =
    "run: {name: 'a \"b\" \\ #c', dir: '', seed: 12345678901}\n"
    "corpus: {text: ['- x', 'a, b', ''], layout: wrapped, document_start: '^\\s*[A-Z]\\.{2}$', "
    "held_out: 0.12345678901%}\n"
    "tokenizer: {vocab: 'null', strip_accents: false}\n"
    "samples: {out: \"t\\tb\\u00e9\", shard: 1.5 KiB, mask: {rate: 0.1%}}\n"
    "model: {preset: bert-tiny, layers: 3, norm_epsilon: 1e-5}\n"
    "schedule: [{until: 0.3333333333333 epochs, length: 100}, {until: 2.5M steps}]\n"
    "optim: {lr: 0.00012345678, betas: [0, 0.98], warmup: 1234 samples}\n"
    "parallel: {threads: 3, micro_batch: {tokens: 12345}}\n"
    "checkpoint: {every: 0.7 h, keep_every: never, resume: 'my run'}\n";

TEST_F(ConfigPrintTest, ResolvedConfigurationReadsBackEqual) {
  for (const char* text : {"", kUnusual}) {
    const LoadedConfig loaded = load(text);
    EXPECT_EQ(parse_config("resolved", resolved_yaml(loaded.config)).config, loaded.config);
    EXPECT_EQ(parse_config("printed", print_resolved(loaded)).config, loaded.config);
    EXPECT_EQ(parse_config("minimal", minimal_yaml(loaded)).config, loaded.config);
  }
}

TEST_F(ConfigPrintTest, EveryValueSaysItsOrigin) {
  const std::string text = without_directory(
      print_resolved(load("model: {preset: bert-tiny}\nsamples: {out: d}\n", {"optim.lr=5e-4"})));

  EXPECT_THAT(
      text, HasSubstr("\n  lr: 0.0005                                   # <command line>:arg 3\n"));
  EXPECT_THAT(text, HasSubstr("\n  preset: bert-tiny                            # run.yaml:1\n"));
  EXPECT_THAT(text,
              HasSubstr("\n  layers: 2                                    # preset bert-tiny\n"));
  EXPECT_THAT(text,
              HasSubstr("\n  train: d/train                               # from samples.out\n"));
  EXPECT_THAT(text, HasSubstr("\n  - until: 900k steps                          # default\n"));
}

TEST_F(ConfigPrintTest, MinimalLeavesOutWhatIsDefault) {
  EXPECT_EQ(minimal_yaml(load("optim: {lr: 1e-4, clip: 2}\nmodel: {preset: bert-tiny, layers: 2, "
                              "heads: 4}\n")),
            "model:\n  preset: bert-tiny\n  heads: 4\noptim:\n  clip: 2\n");
  EXPECT_EQ(minimal_yaml(load("")), "");
}

TEST_F(ConfigPrintTest, DocumentationAndSchemaHaveEveryKey) {
  const std::string documentation = config_documentation();
  const auto schema = nlohmann::json::parse(config_schema());

  for (const ConfigField& field : config_fields()) {
    EXPECT_THAT(documentation, HasSubstr("| `" + field.key + "` |"));
    EXPECT_FALSE(field.meaning.empty()) << field.key;
  }
  EXPECT_EQ(schema["properties"]["model"]["properties"]["layers"]["description"],
            "transformer blocks, or an ELMo's LSTMs each way");
  EXPECT_EQ(schema["properties"]["samples"]["properties"]["mask"]["properties"]["unit"]["enum"],
            nlohmann::json({"token", "word", "span"}));
  EXPECT_TRUE(schema["properties"]["schedule"]["items"]["properties"].contains("until"));
  EXPECT_EQ(schema["properties"]["optim"]["additionalProperties"], false);
}

TEST_F(ConfigPrintTest, KeysAreUnique) {
  std::set<std::string> keys;
  for (const ConfigField& field : config_fields()) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key;
  }
}

TEST_F(ConfigPrintTest, IdentityNamesTheKeysThatDiffer) {
  const RunConfig a = load("schedule: [{until: 30k steps}]\n").config;
  RunConfig b = load(
                    "schedule: [{until: 30k steps}, {until: 40k steps, length: 256}]\n"
                    "optim: {lr: 2e-4}\nmodel: {layers: 3}\nrun: {seed: 3}\n"
                    "samples: {mask: {rate: 20%}}\ntokenizer: {lower_case: false}\n")
                    .config;

  std::vector<std::string> keys;
  for (const ConfigDifference& difference : compare_run_identity(a, b)) {
    keys.push_back(difference.key + ": " + difference.first + " / " + difference.second);
  }

  EXPECT_THAT(keys, ::testing::UnorderedElementsAre(
                        "run.seed: 42 / 3", "tokenizer.lower_case: true / false",
                        "samples.mask.rate: 15% / 20%", "model.layers: 12 / 3",
                        "schedule.1.until: absent / 40k steps", "schedule.1.length: absent / 256",
                        "schedule.1.global_batch: absent / 256", "optim.lr: 0.0001 / 0.0002"));
  EXPECT_NE(config_hash(a), config_hash(b));
}

TEST_F(ConfigPrintTest, WhatAResumeMayChangeIsNoIdentity) {
  const RunConfig a = load("").config;
  const RunConfig b =
      load(
          "run: {name: x, dir: y}\nparallel: {threads: 2, bucket: 1 MiB}\nlog: {level: debug}\n"
          "checkpoint: {every: 5 steps}\ndata: {train: elsewhere, prefetch: 9}\n"
          "eval: {samples: 5}\nmodel: {preset: bert-base}\n")
          .config;

  EXPECT_TRUE(compare_run_identity(a, b).empty());
  EXPECT_EQ(config_hash(a), config_hash(b));
}

// The hash stands in checkpoints: a change of it makes every older checkpoint another run's.
TEST_F(ConfigPrintTest, HashOfTheDefaultsIsStable) {
  RunConfig config;
  config.precision = Precision::fp32;
  EXPECT_EQ(config_hash(config), 11725876921873665049u);
}

// Keys that came later are part of the identity only where they are not at their defaults.
TEST_F(ConfigPrintTest, NewerKeysLeaveOlderCheckpointsTheirIdentity) {
  const RunConfig plain = load("samples: {mask: {unit: span}}").config;
  const RunConfig other = load("samples: {mask: {unit: span, span: {max: 4}}}").config;

  EXPECT_FALSE(run_identity(plain).contains("samples.mask.span.max"));
  EXPECT_EQ(run_identity(other).at("samples.mask.span.max"), "4");
  EXPECT_EQ(compare_run_identity(plain, other).size(), 1u);
}

}  // namespace
}  // namespace bertyard
