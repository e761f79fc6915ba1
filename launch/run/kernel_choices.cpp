// SPDX-License-Identifier: Apache-2.0
#include "launch/run/kernel_choices.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  return fs::exists(file) ? read_file(file) : std::string();
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// False where the text is another device's.
bool take(Device& device, const std::string& text, const fs::path& file) {
  try {
    return device.use_kernel_choices(text);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", file.string(), error.what()));
  }
}

}  // namespace

fs::path kernel_choices_file(const RunOptions& run) {
  return fs::path(run.directory) / run.name / "kernel_choices.txt";
}

Batch blank_sequences(std::int32_t count, std::int32_t length) {
  Batch batch;
  batch.cu_seqlens = {0};
  for (std::int32_t n = 0; n < count; ++n) {
    for (std::int32_t position = 0; position < length; ++position) {
      batch.positions.push_back(position);
    }
    batch.cu_seqlens.push_back((n + 1) * length);
    batch.last_rows.push_back((n + 1) * length - 1);
  }
  batch.tokens.assign(batch.positions.size(), 0);
  batch.segments = batch.tokens;
  batch.samples.assign(batch.positions.size(), 0);
  batch.sample_ids.assign(static_cast<std::size_t>(count), 0);
  batch.global_indices = batch.sample_ids;
  return batch;
}

std::string share_kernel_choices(const fs::path& file, ControlPlane& control, Device& device,
                                 Logger& log, const std::function<void()>& meet_products) {
  if (device.info().kind == DeviceKind::cpu) return {};
  const bool leads = control.rank() == 0;
  const std::string kept =
      control.broadcast_string("kept kernel choices", leads ? text_of(file) : std::string());
  if (!kept.empty() && !take(device, kept, file) && leads) {
    log.warning(
        "{}: its choices of matrix products are for '{}', and this is '{}': they are made again",
        file.string(), first_line(kept), first_line(device.kernel_choices()));
  }
  if (leads) meet_products();
  std::string chosen =
      control.broadcast_string("kernel choices", leads ? device.kernel_choices() : std::string());
  if (!leads && !take(device, chosen, file)) {
    throw EnvironmentError(fmt::format(
        "kernel choices: those of rank 0 are for '{}', and rank {} has '{}'; the GPUs of a run "
        "must be of one kind",
        first_line(chosen), control.rank(), first_line(device.kernel_choices())));
  }
  return chosen;
}

// With weights as a run begins with: a product of zeros takes less power and is faster.
void meet_products(PretrainingSetup& setup) {
  ParameterStore& parameters = setup.objective.parameters();
  fill_on_host(*setup.device, parameters, [&] {
    initialize(parameters, setup.model, setup.config.run.seed, setup.device->info().threads);
  });
  for (const PlannedPhase& phase : setup.plan.phases()) {
    setup.batch.resize(phase.capacities, phase.max_length);
    // On its way to a GPU it is filled up to the phase's capacities.
    const auto length = std::min<std::int64_t>(phase.max_length, phase.capacities.tokens);
    Batch batch = blank_sequences(1, static_cast<std::int32_t>(length));
    batch.masked_rows = batch.masked_labels = {0};
    if (has_sentence_pairs(setup.next_sentence())) batch.next_sentence_labels = {0};
    setup.objective.begin({1, 1, batch.token_count()});
    setup.objective.train(setup.batch.upload(batch), {});
    setup.objective.evaluate(setup.batch.upload(batch));
  }
  setup.device->synchronize();
}

void save_kernel_choices(const fs::path& file, const std::string& text, Logger& log) {
  if (text.empty()) return;
  try {
    if (text_of(file) != text) write_file_atomically(file, text);
  } catch (const IoError& error) {
    log.warning("{}; training goes on, and a resumed run will choose its matrix products anew",
                error.what());
  }
}

}  // namespace bertyard
