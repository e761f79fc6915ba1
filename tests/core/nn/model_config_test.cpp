// SPDX-License-Identifier: Apache-2.0
#include "core/nn/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/nn/pretraining_model.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;

std::int64_t registered(const ModelConfig& config) {
  ParameterStore store;
  const PretrainingModel model(config, SentenceObjective::next_sentence, store);
  return store.parameter_count();
}

// Sizes of BertForPreTraining with 30,522 entries, as transformers counts them.
TEST(ModelConfig, PresetsHaveThePublishedParameterCounts) {
  EXPECT_EQ(model_preset("bert-base")->parameter_count(), 110106428);
  EXPECT_EQ(model_preset("bert-large")->parameter_count(), 336226108);
  EXPECT_EQ(registered(*model_preset("bert-base")), 110106428);
  EXPECT_EQ(registered(*model_preset("bert-tiny")), model_preset("bert-tiny")->parameter_count());
}

// 32 million in each direction's LSTMs, as the paper's, and its vectors of word pieces.
TEST(ModelConfig, ThePublishedElmoHasItsSizes) {
  const ModelConfig elmo = model_preset("elmo").value();

  EXPECT_TRUE(elmo.is_elmo());
  EXPECT_EQ(elmo.layers, 2);
  EXPECT_EQ(elmo.hidden, 512);
  EXPECT_EQ(elmo.intermediate, 4096);
  EXPECT_NO_THROW(validate(elmo));
  const std::int64_t words = elmo.vocab_size * 513;
  EXPECT_EQ(elmo.parameter_count() - words, 4 * (16384 * 1025 + 4096 * 512));
  EXPECT_THAT(model_preset_names(), ::testing::Contains("elmo"));
}

TEST(ModelConfig, UnknownPresetIsNothing) {
  EXPECT_FALSE(model_preset("bert-bas"));
}

TEST(ModelConfig, SaysWhichHeadsWouldFit) {
  ModelConfig config;
  config.heads = 11;

  try {
    validate(config);
    FAIL() << "11 heads of 768 were accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("hidden 768 is not divisible by heads 11; use heads 8"));
  }
}

TEST(ModelConfig, RefusesDropoutOfOne) {
  ModelConfig config;
  config.dropout = 1.0;

  EXPECT_THROW(validate(config), UsageError);
}

TEST(ParameterStore, KeepsBackwardOrderWithTheTiedEmbeddingLast) {
  ParameterStore store;
  const PretrainingModel model(*model_preset("bert-tiny"), SentenceObjective::next_sentence, store);

  EXPECT_EQ(store.infos().front().name, "cls.seq_relationship.weight");
  EXPECT_EQ(store.infos().back().name, "bert.embeddings.word_embeddings.weight");
  EXPECT_LT(store.find("bert.encoder.layer.1.output.dense.weight")->index,
            store.find("bert.encoder.layer.0.output.dense.weight")->index);
}

TEST(ParameterStore, QueryKeyAndValueLieSideBySide) {
  ParameterStore store;
  const PretrainingModel model(*model_preset("bert-tiny"), SentenceObjective::next_sentence, store);

  const auto offset = [&](const char* name) {
    const std::string prefix = "bert.encoder.layer.0.attention.self.";
    return store.info(*store.find(prefix + name + ".weight")).offset;
  };

  EXPECT_EQ(offset("key") - offset("query"), 128 * 128);
  EXPECT_EQ(offset("value") - offset("key"), 128 * 128);
}

TEST(ParameterStore, RefusesANameTwice) {
  ParameterStore store;
  store.add("x", {2}, WeightDecay::yes);

  EXPECT_THROW(store.add("x", {2}, WeightDecay::yes), Error);
}

}  // namespace
}  // namespace bertyard
