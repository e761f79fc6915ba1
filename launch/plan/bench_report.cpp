// SPDX-License-Identifier: Apache-2.0
#include "launch/plan/bench_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launch/run/training_banner.h"
#include "train/journal/console.h"
#include "train/step_flops.h"

namespace bertyard {
namespace {

constexpr double kGib = 1u << 30;

struct Part {
  const char* name;
  double milliseconds;
};

// Medians, each of its own: they need not add up to that of the whole step.
std::vector<Part> parts_of(const BenchReport& report) {
  const auto part = [&report](const char* name, auto seconds_of) {
    std::vector<double> seconds;
    for (const StepTimes& times : report.times) seconds.push_back(seconds_of(times));
    return Part{name, 1e3 * median(seconds)};
  };
  std::vector<Part> parts{part("data", [](const StepTimes& t) { return t.data; })};
  const Part together = part("forward and backward", [](const StepTimes& t) { return t.together; });
  if (together.milliseconds > 0) {
    parts.push_back(together);
  } else {
    parts.push_back(part("forward", [](const StepTimes& t) { return t.forward; }));
    parts.push_back(part("backward", [](const StepTimes& t) { return t.backward; }));
  }
  parts.push_back(part("communication", [](const StepTimes& t) { return t.communication; }));
  parts.push_back(part("optimizer", [](const StepTimes& t) { return t.update; }));
  parts.push_back(part("other", [](const StepTimes& t) { return t.other(); }));
  return parts;
}

double mean(const std::vector<StepProfile::Step>& steps,
            double (*value)(const StepProfile::Step&)) {
  double sum = 0;
  for (const StepProfile::Step& step : steps) sum += value(step);
  return steps.empty() ? 0 : sum / static_cast<double>(steps.size());
}

double fill_of(const BenchReport& report) {
  return report.mean_tokens() / static_cast<double>(report.batch * report.length);
}

// A GPU's memory and the process's own are two.
std::string memory_line(const BenchReport& report) {
  const double planned = report.planned_bytes / kGib, resident = report.resident_bytes / kGib;
  if (report.device.kind == DeviceKind::cpu) {
    return fmt::format("{:.2f} GiB planned, {:.2f} GiB resident at most, a rank", planned,
                       resident);
  }
  return fmt::format("{:.2f} GiB of the GPU planned; of the host {:.2f} GiB at most, a rank",
                     planned, resident);
}

}  // namespace

double BenchReport::median_seconds() const {
  std::vector<double> seconds;
  for (const StepTimes& step : times) seconds.push_back(step.total);
  return median(seconds);
}

double BenchReport::best_seconds() const {
  double best = times.empty() ? 0 : times.front().total;
  for (const StepTimes& step : times) best = std::min(best, step.total);
  return best;
}

double BenchReport::tokens_per_second() const {
  std::vector<double> rates;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    rates.push_back(static_cast<double>(steps[i].tokens) / times[i].total);
  }
  return median(rates);
}

double BenchReport::samples_per_second() const {
  return static_cast<double>(batch) / median_seconds();
}

double BenchReport::mean_tokens() const {
  return mean(steps, [](const StepProfile::Step& s) { return static_cast<double>(s.tokens); });
}

double BenchReport::mean_masked() const {
  return mean(steps,
              [](const StepProfile::Step& s) { return static_cast<double>(s.counts.masked); });
}

double BenchReport::flops_per_second() const {
  return step_flops(model, {mean_tokens(), mean_masked(), keys_per_token}) / median_seconds();
}

std::string bench_text(const BenchReport& r) {
  std::string parts;
  for (const Part& part : parts_of(r)) {
    parts += fmt::format("{}{} {:.1f}", parts.empty() ? "" : ", ", part.name, part.milliseconds);
  }
  std::string text;
  for (const std::string& line : banner_lines({
           {"model",
            fmt::format("{}, {}{}", model_text(r.model), r.optimizer, recompute_text(r.recompute))},
           {"data", fmt::format("{}: {} samples of at most {} tokens a step, {:.1f}% full, {:.1f} "
                                "{} each; {} entries",
                                r.data, r.batch, r.length, 100 * fill_of(r),
                                r.mean_masked() / static_cast<double>(r.batch),
                                r.model.is_language_model() ? "predicted" : "masked",
                                grouped(r.model.vocab_size))},
           {"ranks",
            fmt::format("{} over {}, {} threads each ({}); {:.3g} micro-batches a step", r.ranks,
                        r.connection, r.device.threads, r.threads_placed, r.micro_batches)},
           {"device", fmt::format("{} ({}; {})", r.device.name, r.device.instruction_set,
                                  r.device.libraries)},
           {"step", fmt::format("{:.1f} ms median, {:.1f} ms best of {} steps after {} to warm up",
                                1e3 * r.median_seconds(), 1e3 * r.best_seconds(), r.times.size(),
                                r.warmup)},
           {"speed", fmt::format("{} tokens/s, {:.1f} samples/s, {:.1f} GFLOP/s",
                                 shortened(r.tokens_per_second()), r.samples_per_second(),
                                 1e-9 * r.flops_per_second())},
           {"of peak",
            fmt::format("{:.1f}% of {:.1f} GFLOP/s, the product of {} x {} x {} here and now",
                        100 * r.flops_per_second() / r.peak.flops, 1e-9 * r.peak.flops, r.peak.rows,
                        r.peak.size, r.peak.size)},
           {"parts", parts + " (median ms)"},
           {"links", r.ranks == 1 ? std::string("one rank")
                                  : fmt::format("sums move {:.1f} GB/s, a hop takes {:.0f} us",
                                                1e-9 * r.links.bandwidth, 1e6 * r.links.latency)},
           {"memory", memory_line(r)},
       })) {
    text += line + "\n";
  }
  return text;
}

std::string bench_json(const BenchReport& r) {
  nlohmann::ordered_json json;
  json["model"] = {{"type", std::string(name_of(r.model.type))},
                   {"layers", r.model.layers},
                   {"hidden", r.model.hidden},
                   {"intermediate", r.model.intermediate},
                   {"vocabulary", r.model.vocab_size},
                   {"parameters", r.model.parameter_count()}};
  if (!r.model.is_elmo()) json["model"]["heads"] = r.model.heads;
  json["precision"] = r.activations == DType::bf16 ? "bf16" : "fp32";
  json["optimizer"] = r.optimizer;
  json["shard_optimizer"] = r.shard_optimizer;
  json["recompute"] = r.recompute == Recompute::layers ? "layers" : "none";
  json["data"] = r.data;
  json["batch"] = r.batch;
  json["length"] = r.length;
  json["fill"] = fill_of(r);
  json["tokens_per_step"] = r.mean_tokens();
  json["masked_per_step"] = r.mean_masked();
  json["keys_per_token"] = r.keys_per_token;
  json["micro_batches"] = r.micro_batches;
  json["ranks"] = r.ranks;
  json["threads"] = r.device.threads;
  json["device"] = {{"name", r.device.name},
                    {"instruction_set", r.device.instruction_set},
                    {"libraries", r.device.libraries}};
  json["warmup"] = r.warmup;
  json["steps"] = r.times.size();
  json["step_ms"] = {{"median", 1e3 * r.median_seconds()}, {"best", 1e3 * r.best_seconds()}};
  for (const Part& part : parts_of(r)) json["parts_ms"][part.name] = part.milliseconds;
  json["tokens_per_s"] = r.tokens_per_second();
  json["samples_per_s"] = r.samples_per_second();
  json["gflops"] = 1e-9 * r.flops_per_second();
  json["peak_gflops"] = 1e-9 * r.peak.flops;
  json["peak_product"] = {r.peak.rows, r.peak.size, r.peak.size};
  json["peak_share"] = r.flops_per_second() / r.peak.flops;
  if (r.ranks > 1) {
    json["links"] = {{"latency_us", 1e6 * r.links.latency},
                     {"gigabytes", 1e-9 * r.links.bandwidth}};
  }
  json["memory_gib"] = {{"planned", r.planned_bytes / kGib}, {"resident", r.resident_bytes / kGib}};
  return json.dump() + "\n";
}

}  // namespace bertyard
