// SPDX-License-Identifier: Apache-2.0
// Tokenises a sentence and runs a model forward, with what is installed.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"
#include "train/device_batch.h"
#include "train/model_memory.h"
#include "train/pretraining_objective.h"

namespace {

using namespace bertyard;

const std::vector<std::string> kEntries{"[PAD]", "[UNK]", "[CLS]", "[SEP]",  "[MASK]",
                                        "the",   "cat",   "##s",   "purred", "."};

Batch batch_of(const std::vector<std::uint32_t>& ids) {
  Batch batch;
  for (const std::uint32_t id : ids) {
    batch.positions.push_back(static_cast<std::int32_t>(batch.tokens.size()));
    batch.tokens.push_back(static_cast<std::int32_t>(id));
  }
  batch.segments.assign(ids.size(), 0);
  batch.samples.assign(ids.size(), 0);
  batch.cu_seqlens = {0, static_cast<std::int32_t>(ids.size())};
  batch.global_indices = batch.sample_ids = {0};
  batch.masked_rows = {2};
  batch.masked_labels = {batch.tokens[2]};
  batch.next_sentence_labels = {1};
  return batch;
}

PretrainingScores scores_of_zero_model(const Batch& batch) {
  ModelConfig config;
  config.vocab_size = static_cast<std::int64_t>(kEntries.size());
  config.layers = 1;
  config.hidden = 16;
  config.heads = 2;
  config.intermediate = 32;
  config.max_positions = 8;
  PretrainingObjective objective(config, SentenceObjective::next_sentence, 0);
  DeviceBatch on_device;
  ModelMemory memory(objective, on_device, nullptr, {8, 1, 1, 8});
  const auto device = make_cpu_device({.threads = 1});
  memory.allocate(*device);  // and clears: every parameter is zero
  objective.begin({.masked = 1, .samples = 1});
  objective.evaluate(on_device.upload(batch));
  device->synchronize();
  const double* sums = objective.sums().as<double>();
  return scores_of({sums, 4}, {.masked = 1, .samples = 1});
}

bool near(const char* name, double found, double expected) {
  std::printf("%s %.7f, expected %.7f\n", name, found, expected);
  return std::abs(found - expected) < 1e-6;
}

}  // namespace

int main() {
  const Tokenizer tokenizer(Vocabulary(kEntries), {});
  const std::vector<std::uint32_t> ids = tokenizer.tokenize("The cats purred.");
  if (ids != std::vector<std::uint32_t>{5, 6, 7, 8, 9}) {
    std::printf("%zu other tokens than expected\n", ids.size());
    return 1;
  }
  // A model of zeros gives every entry the same probability.
  const PretrainingScores scores = scores_of_zero_model(batch_of(ids));
  const bool good = near("MLM loss", scores.mlm_loss, std::log(10.0)) &&
                    near("NSP loss", scores.sentence_loss, std::log(2.0));
  return good ? 0 : 1;
}
