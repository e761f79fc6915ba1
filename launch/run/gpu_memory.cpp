// SPDX-License-Identifier: Apache-2.0
#include "launch/run/gpu_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr double kGib = 1u << 30;
// Estimates: nothing of this has run on a GPU yet.
constexpr std::size_t kContextBytes = 600u << 20;
constexpr std::size_t kNcclBytes = 300u << 20;

double gib(std::size_t bytes) {
  return static_cast<double>(bytes) / kGib;
}

// cublasLt's search writes results of its own: an activation's with what stood before it, the
// logits, or the gradient of the word embedding.
std::size_t search_bytes(const ModelConfig& model, const Capacities& capacities) {
  const std::int64_t rows = model.is_causal()
                                ? std::min(capacities.masked, PretrainingModel::kLogitRows)
                                : capacities.masked;
  const auto element = static_cast<std::int64_t>(size_of(capacities.activations));
  return static_cast<std::size_t>(
      std::max({2 * capacities.tokens * model.intermediate * element,
                rows * model.vocab_size * element, model.vocab_size * model.hidden * 4}));
}

// With other capacities; what ranks add to it stays.
std::size_t bytes_with(PretrainingSetup& setup, const Capacities& capacities) {
  const ModelMemory memory(setup.objective, setup.batch, &setup.optimizer, capacities);
  const GpuMemory as_it_is = gpu_memory(setup);
  return memory.use(*setup.device).total() + setup.memory_use().total() -
         setup.memory.use(*setup.device).total() + search_bytes(setup.model, capacities) +
         as_it_is.libraries;
}

// The most tokens of a micro-batch that fit, a whole number of the longest samples; 0: none.
std::int64_t fitting_tokens(PretrainingSetup& setup, std::size_t card) {
  const Capacities& whole = setup.capacities;
  const auto fits = [&](std::int64_t samples) {
    Capacities part = whole;
    part.tokens = samples * whole.max_length;
    const auto scaled = [&](std::int64_t count) {
      return std::max<std::int64_t>(1, count * part.tokens / whole.tokens);
    };
    part.sequences = scaled(whole.sequences);
    part.masked = scaled(whole.masked);
    return bytes_with(setup, part) <= card;
  };
  std::int64_t low = 0, high = whole.tokens / whole.max_length;  // these do not fit
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low * whole.max_length;
}

std::string advice(PretrainingSetup& setup, std::size_t card) {
  std::string text;
  const auto say = [&text](const std::string& way) { text += (text.empty() ? "" : ", or ") + way; };
  if (setup.capacities.recompute == Recompute::none) {
    Capacities recomputed = setup.capacities;
    recomputed.recompute = Recompute::layers;
    const std::size_t again = bytes_with(setup, recomputed);
    if (again <= card) {
      say(fmt::format("set parallel.recompute to layers ({:.1f} GiB)", gib(again)));
    }
  }
  const std::int64_t tokens = fitting_tokens(setup, card);
  if (tokens > 0) say(fmt::format("parallel.micro_batch.tokens to {}", tokens));
  if (!text.empty()) return text;
  return "no micro-batch of this model fits: deal the optimizer's state out over ranks "
         "(parallel.shard_optimizer), or take a smaller model or a larger GPU";
}

}  // namespace

GpuMemory gpu_memory(const PretrainingSetup& setup) {
  return {.planned = setup.memory_use().total(),
          .search = search_bytes(setup.model, setup.capacities),
          .libraries = kContextBytes + (setup.ranks() > 1 ? kNcclBytes : 0)};
}

std::string gpu_memory_text(const GpuMemory& memory, std::size_t card) {
  const std::string rest = memory.total() <= card
                               ? fmt::format("{:.1f} GiB are left", gib(card - memory.total()))
                               : fmt::format("{:.1f} GiB too many", gib(memory.total() - card));
  return fmt::format(
      "{:.1f} of {:.1f} GiB: {:.1f} planned, {:.1f} while algorithms of products are searched for, "
      "{:.1f} of CUDA and its libraries (an estimate); {}",
      gib(memory.total()), gib(card), gib(memory.planned), gib(memory.search),
      gib(memory.libraries), rest);
}

void require_gpu_memory(PretrainingSetup& setup) {
  const std::size_t card = setup.device->info().memory_bytes;
  const std::size_t needed = gpu_memory(setup).total();
  if (needed <= card) return;
  throw UsageError(fmt::format("GPU memory: a rank needs {:.1f} GiB, the GPU has {:.1f}; {}",
                               gib(needed), gib(card), advice(setup, card)));
}

}  // namespace bertyard
