// SPDX-License-Identifier: Apache-2.0
#include "parallel/pulse.h"

namespace bertyard {

std::string_view name_of(RankPhase phase) {
  constexpr std::string_view kNames[] = {
      "start", "data", "forward", "backward", "reduce", "update",     "checkpoint", "evaluate",
      "end",   "text", "words",   "samples",  "files",  "vocabulary", "corpus",     "wait"};
  return kNames[static_cast<std::size_t>(phase)];
}

void Pulse::record(FlightKind kind, std::uint64_t amount, std::string_view text) noexcept {
  if (recorder_ == nullptr) return;
  recorder_->add(kind, phase_.load(std::memory_order_relaxed),
                 step_.load(std::memory_order_relaxed), amount, text);
}

void Pulse::enter(RankPhase phase) noexcept {
  tick();
  if (phase_.exchange(phase, std::memory_order_relaxed) == phase) return;
  record(FlightKind::phase, 0, name_of(phase));
}

void Pulse::step_done(std::int64_t step) noexcept {
  step_.store(step, std::memory_order_relaxed);
  tick();
}

void Pulse::unit_done() noexcept {
  units_.fetch_add(1, std::memory_order_relaxed);
  tick();
}

void Pulse::collective(std::string_view name, std::uint64_t bytes) noexcept {
  tick();
  collective_.fetch_add(1, std::memory_order_relaxed);
  record(FlightKind::collective, bytes, name);
}

void Pulse::note(std::string_view text) noexcept {
  record(FlightKind::note, 0, text);
}

void Pulse::signal(int number) noexcept {
  record(FlightKind::signal, static_cast<std::uint64_t>(number), "signal");
}

Pulse::Reading Pulse::read() const noexcept {
  return {step_.load(std::memory_order_relaxed), collective_.load(std::memory_order_relaxed),
          ticks_.load(std::memory_order_relaxed), phase_.load(std::memory_order_relaxed),
          units_.load(std::memory_order_relaxed)};
}

}  // namespace bertyard
