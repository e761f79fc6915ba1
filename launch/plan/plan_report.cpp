// SPDX-License-Identifier: Apache-2.0
#include "launch/plan/plan_report.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launch/console/text_table.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

constexpr double kGib = 1u << 30;

std::string cluster_text(const ClusterOptions& c) {
  return fmt::format(
      "nodes of {}; {:.4g} TFLOP/s of products, {:.1f}% of them in training, {:.4g} GB/s of "
      "memory; links {:.4g} GB/s in a node, {:.4g} between nodes",
      c.devices_per_node, c.matrix_tflops, 100 * c.efficiency, c.memory_gigabytes, c.node.gigabytes,
      c.network.gigabytes);
}

std::string milliseconds(double seconds) {
  return fmt::format("{:.{}f}", 1e3 * seconds, seconds < 0.1 ? 2 : seconds < 10 ? 1 : 0);
}

std::string phase_table(const PlanReport& report, std::size_t index) {
  const PlanPhase& phase = report.phases[index];
  TextTable table({{"devices", Align::right},
                   {"micro-batches", Align::right},
                   {"step ms", Align::right},
                   {"computing", Align::right},
                   {"exposed", Align::right},
                   {"of exchange", Align::right},
                   {"optimizer", Align::right},
                   {"tokens/s", Align::right},
                   {"efficiency", Align::right}});
  for (const PlanRow& row : report.rows) {
    const PlannedStep& step = row.phases[index];
    const ScalingPoint& point = step.point;
    table.add({grouped(row.devices),
               fmt::format("{} x {}", point.micro_batches, grouped(step.micro_batch_tokens)),
               milliseconds(point.step()), milliseconds(point.compute), milliseconds(point.exposed),
               milliseconds(point.exchange), milliseconds(point.optimizer),
               shortened(phase.tokens / point.step()),
               fmt::format("{:.1f}%", 100 * report.efficiency(row, index))});
  }
  return fmt::format("phase {}: {} steps of {} samples of at most {} tokens\n{}", index,
                     grouped(phase.steps), grouped(phase.global_batch), phase.length, table.text());
}

std::string run_table(const PlanReport& report) {
  TextTable table({{"devices", Align::right},
                   {"GiB a rank", Align::right},
                   {"time to train", Align::right},
                   {"device-hours", Align::right}});
  for (const PlanRow& row : report.rows) {
    table.add({grouped(row.devices), fmt::format("{:.2f}", row.memory_bytes / kGib),
               duration_text(row.seconds),
               fmt::format("{:.4g}", row.seconds / 3600 * row.devices)});
  }
  return "the whole run\n" + table.text();
}

nlohmann::ordered_json json_of(const LinkOptions& link) {
  return {{"latency_us", link.latency_us}, {"gigabytes", link.gigabytes}};
}

}  // namespace

double PlanReport::efficiency(const PlanRow& row, std::size_t phase) const {
  return rows.front().phases[phase].point.step() * rows.front().devices /
         (row.phases[phase].point.step() * row.devices);
}

std::string plan_text(const PlanReport& report) {
  std::string text = fmt::format("cluster     {}\n", cluster_text(report.cluster));
  text += "a prediction by the model of docs/scaling.md; nothing was run\n";
  for (std::size_t i = 0; i < report.phases.size(); ++i) text += "\n" + phase_table(report, i);
  text += "\n" + run_table(report);
  if (!report.end.empty()) text += fmt::format("no more devices: {}\n", report.end);
  return text;
}

std::string plan_json(const PlanReport& report) {
  nlohmann::ordered_json json;
  const ClusterOptions& c = report.cluster;
  json["cluster"] = {{"devices_per_node", c.devices_per_node},
                     {"matrix_tflops", c.matrix_tflops},
                     {"efficiency", c.efficiency},
                     {"memory_gigabytes", c.memory_gigabytes},
                     {"operation_us", c.operation_us},
                     {"step_ms", c.step_ms},
                     {"node", json_of(c.node)},
                     {"network", json_of(c.network)}};
  for (const PlanRow& row : report.rows) {
    nlohmann::ordered_json phases = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < row.phases.size(); ++i) {
      const auto& [point, tokens] = row.phases[i];
      phases.push_back({{"micro_batches", point.micro_batches},
                        {"micro_batch_tokens", tokens},
                        {"step_ms", 1e3 * point.step()},
                        {"compute_ms", 1e3 * point.compute},
                        {"exchange_ms", 1e3 * point.exchange},
                        {"exposed_ms", 1e3 * point.exposed},
                        {"optimizer_ms", 1e3 * point.optimizer},
                        {"other_ms", 1e3 * point.other},
                        {"tokens_per_s", report.phases[i].tokens / point.step()},
                        {"efficiency", report.efficiency(row, i)}});
    }
    json["rows"].push_back({{"devices", row.devices},
                            {"phases", phases},
                            {"memory_gib", row.memory_bytes / kGib},
                            {"hours", row.seconds / 3600},
                            {"device_hours", row.seconds / 3600 * row.devices}});
  }
  json["end"] = report.end;
  return json.dump() + "\n";
}

Plot plan_plot(const PlanReport& report, const std::string& title) {
  Plot plot{title, {"doublings of the devices", ValueUnit::count}, {"", ValueUnit::share}, {}};
  for (std::size_t i = 0; i < report.phases.size(); ++i) {
    const int color = static_cast<int>(i);
    const std::string phase = fmt::format("{} tokens", report.phases[i].length);
    PlotSeries efficiency{"efficiency, " + phase, SeriesStyle::curve, color, {}};
    PlotSeries exposed{
        "exposed exchange, share of a step, " + phase, SeriesStyle::points, color, {}};
    for (const PlanRow& row : report.rows) {
      const double x = std::log2(row.devices);
      const ScalingPoint& point = row.phases[i].point;
      efficiency.points.push_back({x, report.efficiency(row, i)});
      exposed.points.push_back({x, point.exposed / point.step()});
    }
    plot.series.push_back(std::move(efficiency));
    plot.series.push_back(std::move(exposed));
  }
  return plot;
}

}  // namespace bertyard
