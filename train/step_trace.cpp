// SPDX-License-Identifier: Apache-2.0
#include "train/step_trace.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bertyard {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kNothing = static_cast<std::size_t>(-1);
constexpr std::size_t kMostEvents = std::size_t{1} << 16;

std::string title(const char* name, std::int64_t index) {
  return index < 0 ? std::string(name) : fmt::format("{} {}", name, index);
}

ordered_json named(const char* what, int rank, int lane, const std::string& name) {
  return {{"ph", "M"}, {"name", what}, {"pid", rank}, {"tid", lane}, {"args", {{"name", name}}}};
}

}  // namespace

StepTrace::StepTrace(const Setting& setting, Device& device) : setting_(setting), device_(device) {
  spans_.reserve(kMostEvents);
  operations_.reserve(kMostEvents);
  open_.reserve(64);
}

StepTrace::Clock::time_point StepTrace::now() noexcept {
  try {
    device_.synchronize();
  } catch (const std::exception&) {
    // Comes again where the run waits for the device itself.
  }
  return Clock::now();
}

// Steps by their number; what stands beside them, checkpoints and evaluations, always, but not what
// it is made of.
bool StepTrace::is_wanted(const char* name) {
  if (spans_.size() == kMostEvents) return false;
  if (!open_.empty()) return in_step_;
  if (std::strcmp(name, "step") != 0) return true;
  const std::int64_t before = steps_begun_++;
  in_step_ = before >= setting_.first_step && before < setting_.first_step + setting_.steps;
  return in_step_;
}

void StepTrace::begin(const char* name, std::int64_t index) noexcept {
  if (setting_.also != nullptr) setting_.also->begin(name, index);
  if (!is_wanted(name)) {
    open_.push_back(kNothing);
    return;
  }
  look_at_operations();
  open_.push_back(spans_.size());
  spans_.push_back({.name = name, .index = index, .begin = now()});
}

void StepTrace::end() noexcept {
  const std::size_t span = open_.back();
  open_.pop_back();
  if (span != kNothing) {
    spans_[span].end = now();
    spans_[span].is_over = true;
    look_at_operations();
  }
  if (open_.empty()) in_step_ = false;
  if (setting_.also != nullptr) setting_.also->end();
}

Pending StepTrace::follow(const char* name, std::uint64_t bytes, Pending operation) {
  if (!in_step_ || operations_.size() == kMostEvents) return operation;
  const std::size_t event = operations_.size();
  operations_.push_back({.name = name, .bytes = bytes, .begin = Clock::now()});
  const auto shared = std::make_shared<Pending>(std::move(operation));
  under_way_.push_back({shared, event});
  return Pending(
      [this, shared] {
        shared->wait();
        device_.synchronize();  // a GPU's operation is over when the compute stream is behind it
        look_at_operations();
      },
      [shared] { return shared->complete(); });
}

void StepTrace::look_at_operations() {
  std::erase_if(under_way_, [this](const Operation& operation) {
    if (!operation.pending->complete()) return false;
    operations_[operation.event].end = Clock::now();
    operations_[operation.event].is_over = true;
    return true;
  });
}

bool StepTrace::take_complete() {
  const bool complete =
      !is_taken_ && !in_step_ && steps_begun_ >= setting_.first_step + setting_.steps;
  is_taken_ = is_taken_ || complete;
  return complete;
}

double StepTrace::microseconds(Clock::time_point time) const {
  return std::chrono::duration<double, std::micro>(time - start_).count();
}

std::string StepTrace::json() const {
  const int rank = setting_.rank;
  ordered_json events = ordered_json::array();
  events.push_back(
      named("process_name", rank, 0, fmt::format("rank {} on {}", rank, setting_.host)));
  events.push_back(named("thread_name", rank, 0, "computing"));
  for (const Event& span : spans_) {
    if (!span.is_over) continue;
    events.push_back({{"ph", "X"},
                      {"name", title(span.name, span.index)},
                      {"cat", "step"},
                      {"pid", rank},
                      {"tid", 0},
                      {"ts", microseconds(span.begin)},
                      {"dur", microseconds(span.end) - microseconds(span.begin)}});
  }
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const Event& operation = operations_[i];
    if (!operation.is_over) continue;
    ordered_json event{{"ph", "b"},
                       {"name", operation.name},
                       {"cat", "sum"},
                       {"id", i},
                       {"pid", rank},
                       {"tid", 0},
                       {"ts", microseconds(operation.begin)},
                       {"args", {{"bytes", operation.bytes}}}};
    events.push_back(event);
    event["ph"] = "e";
    event["ts"] = microseconds(operation.end);
    events.push_back(std::move(event));
  }
  return ordered_json{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}}.dump() + "\n";
}

std::filesystem::path trace_file(const std::filesystem::path& file, int rank, int ranks) {
  if (ranks == 1) return file;
  return file.parent_path() /
         fmt::format("{}.rank-{:04}{}", file.stem().string(), rank, file.extension().string());
}

}  // namespace bertyard
