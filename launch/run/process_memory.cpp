// SPDX-License-Identifier: Apache-2.0
#include "launch/run/process_memory.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/host_memory_limit.h"
#include "data/batches/batch.h"

namespace bertyard {
namespace {

constexpr double kMebibyte = 1u << 20;
constexpr double kGibibyte = 1u << 30;
// Measured with bert-tiny and bert-mini on x86-64: pages of libraries that a first step touches,
// and what a compiled product of oneDNN takes. matrix_product_onednn.cpp keeps so many; a
// micro-batch of a length that is new brings about so many shapes.
constexpr std::size_t kFirstStepBytes = 14u << 20;
constexpr std::size_t kProductBytes = 16u << 10;
constexpr std::int64_t kMostProducts = 4096;
constexpr std::int64_t kProductsOfLength = 15;

// Not getrusage(), whose maximum outlives an exec: a large launcher's would be ours.
std::size_t status_bytes(std::string_view name) {
  return proc_bytes("/proc/self/status", name).value_or(0);
}

template <typename Element>
std::size_t bytes_of(std::int64_t count, std::vector<Element> Batch::*) {
  return static_cast<std::size_t>(count) * sizeof(Element);
}

// Of a rank's share, with samples as long as they may be.
std::size_t step_bytes(const PretrainingSetup& setup, const PlannedPhase& phase) {
  const std::int64_t ranks = setup.ranks();
  const std::int64_t samples = (phase.global_batch + ranks - 1) / ranks;
  const std::int64_t tokens = samples * phase.max_length;
  const MaskOptions& mask = setup.config.samples.mask;
  const auto masked =
      setup.model.is_language_model()
          ? rows_per_token(setup.targets()) * tokens
          : std::min(samples * mask.max_predictions,
                     static_cast<std::int64_t>(mask.rate * static_cast<double>(tokens)));
  return bytes_of(tokens, &Batch::tokens) + bytes_of(tokens, &Batch::positions) +
         bytes_of(tokens, &Batch::segments) + bytes_of(tokens, &Batch::samples) +
         bytes_of(samples, &Batch::cu_seqlens) + bytes_of(samples, &Batch::global_indices) +
         bytes_of(samples, &Batch::sample_ids) + bytes_of(samples, &Batch::next_sentence_labels) +
         bytes_of(masked, &Batch::masked_rows) + bytes_of(masked, &Batch::masked_labels);
}

}  // namespace

ProcessMemory process_memory(const PretrainingSetup& setup) {
  ProcessMemory memory;
  memory.program = setup.resident_before + kFirstStepBytes;
  for (const PlannedPhase& phase : setup.plan.phases()) {
    memory.batches = std::max(memory.batches, step_bytes(setup, phase));
  }
  memory.batches *= static_cast<std::size_t>(setup.config.data.prefetch) + 1;
  const auto weights = static_cast<std::size_t>(setup.objective.parameters().flat_elements());
  memory.saving = weights * sizeof(float) * (1 + setup.optimizer.array_names().size());
  if (setup.device->info().libraries.find("oneDNN") != std::string::npos) {
    const auto products = std::min(kMostProducts, kProductsOfLength * setup.capacities.tokens);
    memory.products = kProductBytes * static_cast<std::size_t>(products);
  }
  return memory;
}

std::string process_memory_text(const PretrainingSetup& setup) {
  const ProcessMemory memory = process_memory(setup);
  const auto mib = [](std::size_t bytes) { return static_cast<double>(bytes) / kMebibyte; };
  std::string text = fmt::format(
      "{:.1f} MiB beside it (program and libraries {:.1f}, batches ahead {:.1f}, copy "
      "for checkpoints on rank 0 {:.1f})",
      mib(memory.total()), mib(memory.program), mib(memory.batches), mib(memory.saving));
  if (setup.device->info().kind != DeviceKind::cpu) return text;
  text += fmt::format("; together {:.1f} MiB", mib(memory.total() + setup.memory_use().total()));
  if (memory.products == 0) return text;
  return text + fmt::format(", growing by at most {:.1f} MiB of compiled matrix products",
                            mib(memory.products));
}

std::size_t host_memory(const PretrainingSetup& setup, int ranks) {
  const ProcessMemory process = process_memory(setup);
  const bool planned_here = setup.device->info().kind == DeviceKind::cpu;
  const std::size_t planned = planned_here ? setup.memory_use().total() : 0;
  const std::size_t first = process.total() + planned;
  return first + static_cast<std::size_t>(ranks - 1) * (first - process.saving);
}

namespace {

double gibibytes(std::size_t bytes) {
  return static_cast<double>(bytes) / kGibibyte;
}

// What would lower it.
std::string less_memory(const PretrainingSetup& setup) {
  if (setup.device->info().kind != DeviceKind::cpu) return "lower data.prefetch";
  const bool may_recompute =
      setup.capacities.recompute == Recompute::none && !setup.model.is_elmo();
  return may_recompute ? "lower parallel.micro_batch.tokens, or set parallel.recompute to layers"
                       : "lower parallel.micro_batch.tokens";
}

}  // namespace

std::string host_memory_text(const PretrainingSetup& setup, int ranks) {
  const std::size_t host = host_memory_limit(), needed = host_memory(setup, ranks);
  std::string text = fmt::format("{:.2f} of {:.1f} GiB: {} rank{}", gibibytes(needed),
                                 gibibytes(host), ranks, ranks == 1 ? "" : "s");
  if (needed <= host) return text;
  return text + fmt::format(", {:.1f} GiB TOO MANY, the kernel would kill one: {}{}",
                            gibibytes(needed - host), ranks > 1 ? "use more hosts, or " : "",
                            less_memory(setup));
}

std::string host_room_text(const PretrainingSetup& setup) {
  const std::size_t host = host_memory_limit(), one = host_memory(setup, 1);
  if (one > host) return host_memory_text(setup, 1);
  const std::size_t each = host_memory(setup, 2) - one;
  return fmt::format("{:.1f} GiB, room for {} of these ranks", gibibytes(host),
                     1 + (host - one) / each);
}

std::size_t resident_bytes() {
  return status_bytes("VmRSS:");
}

std::size_t peak_resident_bytes() {
  return status_bytes("VmHWM:");
}

}  // namespace bertyard
