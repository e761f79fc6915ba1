// SPDX-License-Identifier: Apache-2.0
// A collective that fails after it was waited for, as NCCL's do when they are aborted, must not
// become an update: the sum is half made, and nothing on the device says so.
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "data/samples/masking.h"
#include "data/samples/synthetic_source.h"
#include "parallel/gradient_buckets.h"
#include "parallel/narrow_sum_communicator.h"
#include "parallel/ordered_reduction.h"
#include "parallel/single_communicator.h"
#include "parallel/wrapped_communicator.h"
#include "train/device_batch.h"
#include "train/model_memory.h"
#include "train/pretraining_objective.h"
#include "train/token_task.h"
#include "train/trainer.h"

namespace bertyard {
namespace {

constexpr int kLength = 32;
constexpr std::int64_t kBatch = 4;

// Good for two steps, each of which asks behind the sum and behind the update.
class FailingCommunicator final : public WrappedCommunicator {
 public:
  using WrappedCommunicator::WrappedCommunicator;
  void check() override {
    if (++checks_ > 4) throw EnvironmentError("communicator: aborted");
  }

 private:
  int checks_ = 0;
};

class Hooks final : public TrainerHooks {
 public:
  void step_done(const StepReport& report) override { steps = report.state.step; }
  void evaluate(const TrainState&) override {}
  void save(const TrainState&) override {}
  StopRequest stop_requested() override { return StopRequest::none; }

  std::int64_t steps = 0;
};

// The weights after the steps that were done, and how many these were.
struct Outcome {
  std::int64_t steps = 0;
  std::vector<std::byte> weights;
};

Outcome train(Communicator& ranks, std::int64_t steps) {
  const Vocabulary vocabulary = synthetic_vocabulary(200);
  const SyntheticSource source({.samples = 100, .max_length = kLength}, vocabulary);
  const Masker masker({.max_predictions = 5}, mask_vocabulary(vocabulary));
  const auto device = make_cpu_device({.threads = 1});
  ModelConfig model;
  model.vocab_size = 200;
  model.layers = 1;
  model.hidden = 16;
  model.heads = 2;
  model.intermediate = 32;
  model.max_positions = kLength;
  const Capacities capacities{kBatch * kLength, kBatch, 5 * kBatch, kLength};
  PretrainingObjective objective(model, SentenceObjective::next_sentence, 1);
  Optimizer optimizer({}, objective.parameters());
  DeviceBatch batch;
  ModelMemory memory(objective, batch, &optimizer, capacities);
  memory.allocate(*device);
  initialize(objective.parameters(), model, 1);
  device->layer_ops().weights_changed();
  RunPlan plan({{{static_cast<double>(steps), AmountUnit::steps}, kLength, kBatch}},
               {1, AmountUnit::steps}, data_facts(source));
  plan.phases().front().capacities = {capacities.tokens, kBatch, 5 * kBatch};
  GradientBuckets reduction(ranks, objective.parameters(), objective.parameters().gradients(),
                            1 << 20);
  Hooks hooks;
  Trainer trainer({*device, ranks, reduction, objective, optimizer, batch, hooks}, plan,
                  {.schedule = {}, .checkpoint_every = {}, .evaluate_every = {}},
                  [&](const PlannedPhase& phase, std::uint64_t start) {
                    BatchStreamOptions options;
                    options.global_batch = phase.global_batch;
                    options.max_length = phase.max_length;
                    options.capacities = phase.capacities;
                    options.targets = token_targets(model);
                    options.start_index = start;
                    return std::make_unique<BatchStream>(source, &masker, options);
                  });
  try {
    trainer.run({});
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(), "communicator: aborted");
  }
  const ConstTensorView values = objective.parameters().values();
  Outcome outcome{hooks.steps, std::vector<std::byte>(values.bytes())};
  std::memcpy(outcome.weights.data(), values.data(), values.bytes());
  return outcome;
}

TEST(FailedSum, IsAskedForByWhatStandsBetween) {
  const auto device = make_cpu_device({.threads = 1});
  std::vector<float> gradients(64);
  const TensorView view = view_of(std::span<float>(gradients));
  SingleCommunicator ranks;
  FailingCommunicator failing(ranks);
  NarrowSumCommunicator narrow(*device, failing);
  OrderedReduction ordered(*device, narrow, view, {.leaves = 2});
  for (int check = 0; check < 4; ++check) ordered.check();
  EXPECT_THROW(ordered.check(), EnvironmentError);
}

TEST(FailedSum, BecomesNoUpdate) {
  SingleCommunicator ranks;
  FailingCommunicator failing(ranks);
  const Outcome two = train(ranks, 2);

  const Outcome failed = train(failing, 5);

  EXPECT_EQ(failed.steps, 2);
  EXPECT_EQ(failed.weights, two.weights);
  EXPECT_NE(failed.weights, train(ranks, 3).weights);
}

}  // namespace
}  // namespace bertyard
