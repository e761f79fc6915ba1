// SPDX-License-Identifier: Apache-2.0
#include "launch/run/injected_faults.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <span>
#include <sstream>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/backend/device.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 10> kKinds = {"nan",  "flip", "hang",      "stop", "kill",
                                                     "usr1", "slow", "kill_call", "eio",  "enospc"};

bool meets_files(const InjectedFault& fault) {
  return fault.kind == "kill_call" || fault.kind == "eio" || fault.kind == "enospc";
}

void hang_stop_or_die(const std::string& kind) {
  if (kind == "hang") {
    for (volatile bool forever = true; forever;) continue;
  }
  if (kind == "stop") std::raise(SIGSTOP);
  if (kind == "kill") std::raise(SIGKILL);
  if (kind == "usr1") std::raise(SIGUSR1);
}

class FaultyObjective final : public Objective {
 public:
  FaultyObjective(Objective& objective, Device& device, const Pulse& pulse,
                  const InjectedFault& fault)
      : objective_(objective), device_(device), pulse_(pulse), fault_(fault) {}

  ParameterStore& parameters() override { return objective_.parameters(); }
  const ParameterStore& parameters() const override { return objective_.parameters(); }
  const ModelConfig& config() const override { return objective_.config(); }
  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override {
    objective_.plan(plan, capacities, mode);
  }
  void bind(const Arena& arena, Device& device) override { objective_.bind(arena, device); }
  void begin(const StepCounts& counts) override { objective_.begin(counts); }
  void evaluate(const PackedInput& input) override { objective_.evaluate(input); }
  TensorView sums() const override { return objective_.sums(); }

  void train(const PackedInput& input, const GradientsReady& ready) override {
    const Clock::time_point start = Clock::now();
    bool poisons = poisons_step();
    objective_.train(input, [&](std::int64_t elements) {
      if (std::exchange(poisons, false)) {
        store(parameters().gradients(), std::numeric_limits<float>::quiet_NaN());
      }
      if (ready) ready(elements);
    });
    if (pulse_.read().step >= fault_.step) suffer(Clock::now() - start);
  }

 private:
  // In every micro-batch of `times` steps; what computes a step again comes after it.
  bool poisons_step() {
    const std::int64_t step = pulse_.read().step;
    if (fault_.kind != "nan" || step < fault_.step) return false;
    if (step != poisoned_ && left_ > 0) {
      --left_;
      poisoned_ = step;
    }
    return step == poisoned_;
  }

  void store(const TensorView& tensor, float value) {
    device_.copy(tensor.slice(0, 1), view_of(std::span<const float>(&value, 1)),
                 CopyDirection::host_to_device, device_.compute_stream());
    device_.synchronize();
  }

  void suffer(Clock::duration spent) {
    if (fault_.kind == "slow") {
      std::this_thread::sleep_for(spent * (fault_.factor - 1));
      return;
    }
    if (left_ == 0 || fault_.kind == "nan") return;
    --left_;
    if (fault_.kind == "flip") return flip_weight();
    hang_stop_or_die(fault_.kind);
  }

  // A bit of the first weight.
  void flip_weight() {
    std::uint32_t bits = 0;
    float value = 0;
    const TensorView weights = parameters().values();
    device_.copy(view_of(std::span(&value, 1)), weights.slice(0, 1), CopyDirection::device_to_host,
                 device_.compute_stream());
    device_.synchronize();
    std::memcpy(&bits, &value, sizeof bits);
    bits ^= 1u << 12;
    std::memcpy(&value, &bits, sizeof bits);
    store(weights, value);
  }

  Objective& objective_;
  Device& device_;
  const Pulse& pulse_;
  InjectedFault fault_;
  std::int64_t left_ = fault_.times;
  std::int64_t poisoned_ = -1;  // the step
};

// Calls that are counted, and of which some fail.
class CountedCalls final : public FileCalls {
 public:
  explicit CountedCalls(const InjectedFault& fault) : fault_(fault) {}

  int open(const std::string& path, int flags) const override {
    return fails() ? -1 : FileCalls::open(path, flags);
  }
  std::ptrdiff_t write(int descriptor, const void* data, std::size_t bytes) const override {
    // Half of it gets there, as in a real crash.
    if (next_is_fault()) (void)FileCalls::write(descriptor, data, bytes / 2);
    return fails() ? -1 : FileCalls::write(descriptor, data, bytes);
  }
  int sync(int descriptor) const override { return fails() ? -1 : FileCalls::sync(descriptor); }
  int close(int descriptor) const override {
    const int result = FileCalls::close(descriptor);
    return fails() ? -1 : result;
  }
  int rename(const std::string& from, const std::string& to) const override {
    return fails() ? -1 : FileCalls::rename(from, to);
  }
  int make_directory(const std::string& path) const override {
    return fails() ? -1 : FileCalls::make_directory(path);
  }
  int make_symlink(const std::string& target, const std::string& link) const override {
    return fails() ? -1 : FileCalls::make_symlink(target, link);
  }

 private:
  bool next_is_fault() const { return fault_.kind == "kill_call" && count_ == fault_.call; }
  bool fails() const {
    const std::int64_t number = count_++;
    if (number < fault_.call || number >= fault_.call + fault_.times) return false;
    if (fault_.kind == "kill_call") std::raise(SIGKILL);
    errno = fault_.kind == "eio" ? EIO : ENOSPC;
    return true;
  }

  InjectedFault fault_;
  mutable std::atomic<std::int64_t> count_{0};
};

}  // namespace

InjectedFault parse_fault(const std::string& text) {
  InjectedFault fault;
  std::istringstream parts(text);
  std::getline(parts, fault.kind, ',');
  bool good = std::find(kKinds.begin(), kKinds.end(), fault.kind) != kKinds.end();
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t equal = std::min(part.find('='), part.size());
    const std::string name = part.substr(0, equal);
    const double value = std::atof(part.c_str() + std::min(equal + 1, part.size()));
    if (name == "rank") {
      fault.rank = static_cast<int>(value);
    } else if (name == "step") {
      fault.step = static_cast<std::int64_t>(value);
    } else if (name == "call") {
      fault.call = static_cast<std::int64_t>(value);
    } else if (name == "times") {
      fault.times = static_cast<std::int64_t>(value);
    } else if (name == "factor") {
      fault.factor = value;
    } else {
      good = false;
    }
  }
  if (good) return fault;
  throw UsageError(
      fmt::format("BERTYARD_FAULT is '{}', expected one of {} with rank=, step=, "
                  "call=, times=, factor=; unset it: it is for tests",
                  text, fmt::join(kKinds, ", ")));
}

std::optional<InjectedFault> fault_of(int rank) {
  const char* text = std::getenv("BERTYARD_FAULT");
  if (text == nullptr || *text == '\0') return std::nullopt;
  const InjectedFault fault = parse_fault(text);
  if (fault.rank != rank) return std::nullopt;
  return fault;
}

void meet_fault(const InjectedFault& fault, std::int64_t done) {
  if (done >= fault.step) hang_stop_or_die(fault.kind);
}

std::unique_ptr<Objective> with_fault(Objective& objective, Device& device, const Pulse& pulse,
                                      const InjectedFault& fault) {
  return std::make_unique<FaultyObjective>(objective, device, pulse, fault);
}

std::unique_ptr<FileCalls> calls_with_fault(const std::optional<InjectedFault>& fault) {
  if (fault && meets_files(*fault)) return std::make_unique<CountedCalls>(*fault);
  return std::make_unique<FileCalls>();
}

}  // namespace bertyard
