// SPDX-License-Identifier: Apache-2.0
// A step allocates nothing on the thread that trains, once shapes have been seen. A program of its
// own, because it replaces operator new; what C libraries take by malloc is not counted.
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/nn/initialization.h"
#include "data/samples/masking.h"
#include "data/samples/synthetic_source.h"
#include "parallel/gradient_buckets.h"
#include "parallel/ordered_reduction.h"
#include "parallel/single_communicator.h"
#include "train/device_batch.h"
#include "train/model_memory.h"
#include "train/pretraining_objective.h"
#include "train/token_task.h"
#include "train/trainer.h"

namespace {
thread_local std::int64_t allocations = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  void* data = std::malloc(bytes == 0 ? 1 : bytes);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
void* counted(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  const auto step = static_cast<std::size_t>(alignment);
  void* data = std::aligned_alloc(step, (bytes + step - 1) / step * step);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, alignment);
}
void operator delete(void* data) noexcept {
  std::free(data);
}
void operator delete[](void* data) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, std::size_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}

namespace bertyard {
namespace {

constexpr std::int64_t kSteps = 8;
constexpr std::int64_t kBatch = 8;
constexpr int kLength = 32;

// Notes how many allocations there were by the end of each step.
class Counter final : public TrainerHooks {
 public:
  Counter() { ends_.reserve(kSteps + 1); }
  void step_done(const StepReport&) override { ends_.push_back(allocations); }
  void evaluate(const TrainState&) override {}
  void save(const TrainState&) override {}
  StopRequest stop_requested() override { return StopRequest::none; }

  // From step to step, without the first.
  std::vector<std::int64_t> of_steps() const {
    std::vector<std::int64_t> steps;
    for (std::size_t i = 1; i < ends_.size(); ++i) steps.push_back(ends_[i] - ends_[i - 1]);
    return steps;
  }

 private:
  std::vector<std::int64_t> ends_;
};

ModelConfig toy_model(ModelType type) {
  ModelConfig config;
  config.type = type;
  config.vocab_size = 200;
  config.layers = 2;
  config.hidden = 32;
  config.heads = 2;
  config.intermediate = 64;
  config.max_positions = kLength;
  return config;
}

struct Setting {
  MatrixLibraryChoice matrix_library = MatrixLibraryChoice::openblas;
  OptimizerKind optimizer = OptimizerKind::adamw;
  int leaves = 0;  // above 0: ordered reduction
  ModelType model = ModelType::transformer;
};

// Samples of one length and as many masks each, so that every micro-batch has one shape.
std::vector<std::int64_t> allocations_of_steps(const Setting& setting) {
  const Vocabulary vocabulary = synthetic_vocabulary(200);
  const SyntheticSource source({.samples = 1000, .max_length = kLength}, vocabulary);
  const Masker masker({.max_predictions = 5}, mask_vocabulary(vocabulary));
  const auto device = make_cpu_device({.threads = 2, .matrix_library = setting.matrix_library});
  const ModelConfig model = toy_model(setting.model);
  const TokenTargets targets = token_targets(model);
  const std::int64_t masked = model.is_elmo() ? 2 * 4 * kLength : 20;
  PretrainingObjective objective(model, SentenceObjective::next_sentence, 1);
  Optimizer optimizer({.kind = setting.optimizer}, objective.parameters());
  DeviceBatch batch;
  ModelMemory memory(objective, batch, &optimizer, {4 * kLength, 4, masked, kLength});
  memory.allocate(*device);
  initialize(objective.parameters(), model, 1);
  device->layer_ops().weights_changed();

  RunPlan plan({{{static_cast<double>(kSteps), AmountUnit::steps}, kLength, kBatch}},
               {1, AmountUnit::steps}, data_facts(source));
  plan.phases().front().capacities = {4 * kLength, 4, masked};
  SingleCommunicator communicator;
  const TensorView gradients = objective.parameters().gradients();
  std::unique_ptr<GradientReduction> reduction;
  if (setting.leaves > 0) {
    reduction = std::make_unique<OrderedReduction>(
        *device, communicator, gradients, OrderedReduction::Options{.leaves = setting.leaves});
  } else {
    reduction = std::make_unique<GradientBuckets>(communicator, objective.parameters(), gradients,
                                                  25 << 20);
  }
  Counter counter;
  Trainer trainer({*device, communicator, *reduction, objective, optimizer, batch, counter}, plan,
                  {.schedule = {}, .checkpoint_every = {}, .evaluate_every = {}},
                  [&](const PlannedPhase& phase, std::uint64_t start) {
                    BatchStreamOptions options;
                    options.global_batch = phase.global_batch;
                    options.max_length = phase.max_length;
                    options.capacities = phase.capacities;
                    options.targets = targets;
                    options.start_index = start;
                    options.leaves = setting.leaves;
                    return std::make_unique<BatchStream>(source, &masker, options);
                  });
  trainer.run({});
  return counter.of_steps();
}

const std::vector<std::int64_t> kNone(kSteps - 1, 0);

TEST(Allocations, AreSeen) {
  const std::int64_t before = allocations;
  const auto some = std::make_unique<std::vector<int>>(100);
  EXPECT_EQ(allocations - before, 2) << some->size();
}

TEST(Allocations, AStepOfAnElmoMakesNone) {
  for (const int leaves : {0, 2}) {
    EXPECT_EQ(allocations_of_steps({.leaves = leaves, .model = ModelType::elmo}), kNone) << leaves;
  }
}

TEST(Allocations, AStepMakesNone) {
  for (const OptimizerKind kind :
       {OptimizerKind::adamw, OptimizerKind::adam, OptimizerKind::lamb, OptimizerKind::sgd}) {
    EXPECT_EQ(allocations_of_steps({.optimizer = kind}), kNone) << name_of(kind);
  }
}

TEST(Allocations, AStepInOrderMakesNone) {
  EXPECT_EQ(allocations_of_steps({.leaves = 2}), kNone);
}

// oneDNN makes its own list of a product's arguments at every call; we add nothing to it: the
// number is the same from step to step.
TEST(Allocations, WithOneDnnThereAreItsOwnOnly) {
  const std::vector<std::int64_t> steps =
      allocations_of_steps({.matrix_library = MatrixLibraryChoice::automatic});
  EXPECT_EQ(steps, std::vector<std::int64_t>(steps.size(), steps.front()));
  // Forward, two for backward: 2 micro-batches of 2 layers of 4 products, and the heads' 4.
  constexpr std::int64_t kProducts = 2 * 3 * (2 * 4 + 4);
  constexpr std::int64_t kWeights = 2 * (2 * 4 + 4);  // packed anew once a step
  EXPECT_LE(steps.front(), 40 * (kProducts + kWeights));
}

}  // namespace
}  // namespace bertyard
