// SPDX-License-Identifier: Apache-2.0
#include "launch/run/training_banner.h"

#include <fmt/format.h>

#include "launch/run/process_memory.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

constexpr double kMebibyte = 1u << 20;
constexpr double kGibibyte = 1u << 30;

}  // namespace

std::string memory_text(const MemoryUse& use) {
  const bool small = static_cast<double>(use.total()) < kGibibyte;
  const auto number = [small](std::size_t bytes) {
    const auto size = static_cast<double>(bytes);
    return small ? fmt::format("{:.1f}", size / kMebibyte)
                 : fmt::format("{:.2f}", size / kGibibyte);
  };
  return fmt::format(
      "{} {} a rank (weights {}, gradients {}, optimizer {}, activations {}, workspace {}{})",
      number(use.total()), small ? "MiB" : "GiB", number(use.parameters), number(use.gradients),
      number(use.optimizer), number(use.activations), number(use.workspace),
      use.reduction > 0 ? fmt::format(", reduction {}", number(use.reduction)) : "");
}

std::string reading_text(const ModelConfig& model) {
  if (model.is_elmo()) return ", ELMo: each token predicts both of its neighbours";
  return model.is_causal() ? ", causal: each token predicts the next" : "";
}

std::string model_text(const ModelConfig& model) {
  const std::string sizes =
      model.is_elmo()
          ? fmt::format("{} layers of LSTMs each way, hidden {}, cells {}", model.layers,
                        model.hidden, model.intermediate)
          : fmt::format("{} layers, hidden {}, heads {}", model.layers, model.hidden, model.heads);
  return fmt::format("{}, {} parameters{}", sizes, grouped(model.parameter_count()),
                     reading_text(model));
}

std::string recompute_text(Recompute recompute) {
  return recompute == Recompute::layers ? ", layers computed again in backward" : "";
}

std::vector<std::string> training_banner(PretrainingSetup& setup, const Communicator& devices,
                                         const std::filesystem::path& directory,
                                         std::int64_t resumed_step) {
  const ModelConfig& model = setup.model;
  const DeviceInfo device = setup.device->info();
  const SourceProperties& data = setup.train->properties();
  std::string phases;
  for (const PlannedPhase& phase : setup.plan.phases()) {
    phases += fmt::format("{}{} steps of {} x {} tokens", phases.empty() ? "" : ", ",
                          grouped(phase.end_step - phase.first_step), phase.global_batch,
                          phase.max_length);
  }
  const std::string micro =
      fmt::format("at most {} tokens, {} sequences, {} {}{}", grouped(setup.capacities.tokens),
                  setup.capacities.sequences, setup.capacities.masked,
                  model.is_language_model() ? "predicted" : "masked",
                  recompute_text(setup.capacities.recompute));
  return banner_lines({
      {"ranks", fmt::format("{} over {}, {} threads each, gradients summed {}{}", devices.size(),
                            devices.name(), device.threads,
                            setup.config.parallel.reduction == Reduction::ordered
                                ? fmt::format("in order of {} leaves", setup.config.parallel.leaves)
                            : setup.config.parallel.exchange == Precision::bf16 ? "fast in bf16"
                                                                                : "fast",
                            setup.shards ? ", optimizer state dealt out (ZeRO-1)" : "")},
      {"threads", setup.threads_placed},
      {"device", fmt::format("{} ({}; {})", device.name, device.instruction_set, device.libraries)},
      {"model", model_text(model)},
      {"schedule", phases},
      {"precision", setup.capacities.activations == DType::bf16
                        ? "bf16 activations, fp32 weights and sums"
                    : setup.config.precision == Precision::tf32 ? "fp32, products in TF32"
                                                                : "fp32"},
      {"micro-batch", micro},
      {"memory", memory_text(setup.memory_use())},
      {"process", process_memory_text(setup)},
      {"host", host_memory_text(setup, setup.ranks_on_host())},
      {"data",
       fmt::format("{} samples, {} tokens ({})", grouped(static_cast<std::int64_t>(data.samples)),
                   grouped(static_cast<std::int64_t>(data.tokens)), data.path)},
      {"held out",
       setup.valid
           ? fmt::format("{} samples ({})", grouped(static_cast<std::int64_t>(setup.valid->size())),
                         setup.valid->properties().path)
           : "nothing"},
      {"run", directory.string()},
      {"begins",
       resumed_step == 0 ? "at the start" : fmt::format("after step {}", grouped(resumed_step))},
  });
}

}  // namespace bertyard
