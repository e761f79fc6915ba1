// SPDX-License-Identifier: Apache-2.0
#include "launch/plan/plan_cluster.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "data/files/mapped_file.h"
#include "launch/plan/scaling_model.h"

namespace bertyard {
namespace {

using nlohmann::json;

OptimizerKind kind_of(const std::string& name) {
  for (const auto& [word, kind] :
       {std::pair{"adam", OptimizerKind::adam}, std::pair{"lamb", OptimizerKind::lamb},
        std::pair{"sgd", OptimizerKind::sgd}}) {
    if (name == word) return kind;
  }
  return OptimizerKind::adamw;
}

// The work of one device in the measured step, as the only device of a job of its own.
ScalingJob job_of(const json& result) {
  const auto ranks = result.at("ranks").get<double>();
  ScalingJob job;
  job.model.layers = result.at("model").at("layers").get<int>();
  job.model.hidden = result.at("model").at("hidden").get<std::int64_t>();
  job.model.intermediate = result.at("model").at("intermediate").get<std::int64_t>();
  job.model.vocab_size = result.at("model").at("vocabulary").get<std::int64_t>();
  job.global_batch = 1;
  job.tokens = result.at("tokens_per_step").get<double>() / ranks;
  job.masked = result.at("masked_per_step").get<double>() / ranks;
  job.keys_per_token = result.at("keys_per_token").get<double>();
  job.micro_batch_tokens = job.tokens / (result.at("micro_batches").get<double>() / ranks);
  job.activation_bytes = result.at("precision").get<std::string>() == "bf16" ? 2 : 4;
  job.optimizer_bytes = 0;  // its time is taken apart
  // Results of older versions, which had nothing else, do not say so.
  if (result.value("recompute", "none") == "layers") job.recompute = Recompute::layers;
  return job;
}

void take_rates(MeasuredCluster& measured, const json& result) {
  ClusterOptions& cluster = measured.cluster;
  const json& parts = result.at("parts_ms");
  const auto ms = [&parts](const char* part) { return parts.at(part).get<double>(); };
  cluster.matrix_tflops =
      result.at("peak_gflops").get<double>() * 1e-3 / result.at("ranks").get<double>();
  // With ZeRO-1 a rank updates its part.
  const double updated =
      result.value("shard_optimizer", false) ? 1 / result.at("ranks").get<double>() : 1;
  const double moved = updated * result.at("model").at("parameters").get<double>() *
                       update_bytes(kind_of(result.at("optimizer").get<std::string>()));
  cluster.memory_gigabytes = moved / (ms("optimizer") * 1e-3) * 1e-9;
  cluster.operation_us = 0;
  cluster.step_ms = 0;
  const bool replayed = parts.contains("forward and backward");  // as one graph, on a GPU
  const double compute = replayed ? ms("forward and backward") : ms("forward") + ms("backward");
  cluster.efficiency = fitted_efficiency(job_of(result), cluster, 1, compute * 1e-3);
  cluster.step_ms = ms("other");
  measured.devices = std::min(result.at("ranks").get<int>(), cluster.devices_per_node);
  measured.data_seconds = ms("data") * 1e-3;
}

// Results of older versions, which had nothing else, do not say so.
void require_transformer(const json& result, const std::string& file) {
  if (result.at("model").value("type", "transformer") == "transformer") return;
  throw DataError(
      fmt::format("{}: the measured model is no transformer, and what is predicted are "
                  "transformers; measure one "
                  "with 'bertyard bench --json'",
                  file));
}

}  // namespace

double update_bytes(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::sgd:
      return 24;  // norm 4; p, g, m read and p, m written
    case OptimizerKind::lamb:
      return 52;  // norm 4; p, g, m, v read and u, m, v written; |p|, |u| 8; p, u read, p written
    default:
      return 32;  // norm 4; p, g, m, v read and p, m, v written
  }
}

std::vector<MeasuredCluster> measured_clusters(const ClusterOptions& cluster,
                                               const std::vector<std::string>& files) {
  if (files.empty()) return {{1, cluster, 0}};
  std::vector<MeasuredCluster> measured(files.size(), {1, cluster, 0});
  std::optional<LinkOptions> node;
  for (std::size_t i = 0; i < files.size(); ++i) {
    try {
      const json result = json::parse(read_file(files[i]));
      require_transformer(result, files[i]);
      take_rates(measured[i], result);
      if (node || !result.contains("links")) continue;
      const json& links = result.at("links");
      node = {links.at("latency_us").get<double>(), links.at("gigabytes").get<double>()};
    } catch (const json::exception& error) {
      throw DataError(
          fmt::format("{}: expected a result of 'bertyard bench --json' of this "
                      "version: {}",
                      files[i], error.what()));
    }
  }
  for (MeasuredCluster& one : measured) one.cluster.node = node.value_or(cluster.node);
  return measured;
}

const MeasuredCluster& rates_for(const std::vector<MeasuredCluster>& measured, int devices) {
  const MeasuredCluster* best = &measured.front();
  const int busy = std::min(devices, best->cluster.devices_per_node);
  for (const MeasuredCluster& one : measured) {
    const bool closer = best->devices > busy || one.devices > best->devices;
    if (one.devices <= busy && closer) best = &one;
  }
  return *best;
}

}  // namespace bertyard
