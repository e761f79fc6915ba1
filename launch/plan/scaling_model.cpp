// SPDX-License-Identifier: Apache-2.0
#include "launch/plan/scaling_model.h"

#include <algorithm>
#include <cmath>

#include "train/step_flops.h"

namespace bertyard {
namespace {

constexpr double kMicro = 1e-6;
constexpr double kGiga = 1e9;
constexpr double kTera = 1e12;

// Of a layer, forward and backward: products 4 + 8, attention 1 + 2, and what lies between them.
constexpr double kOperationsOfLayer = 37;
constexpr double kOperationsOfEnds = 30;  // embeddings, heads, losses
// Elements read and written per token, layer and hidden size outside the products, all fused:
// 84 bytes of bf16 (attention 36, norms 32, activation 16).
constexpr double kTrafficOfLayer = 42;
constexpr double kForwardShare = 1.0 / 3.0;

struct Nodes {
  double inside = 1;  // devices of a node
  double count = 1;
};

Nodes nodes_of(const ClusterOptions& cluster, int devices) {
  const int inside = std::min(devices, cluster.devices_per_node);
  return {static_cast<double>(inside),
          std::ceil(static_cast<double>(devices) / static_cast<double>(inside))};
}

// What a device does for a micro-batch.
struct Work {
  double flops = 0, bytes = 0, operations = 0;
};

double seconds_of(const Work& work, const ClusterOptions& cluster) {
  return work.flops / (cluster.efficiency * cluster.matrix_tflops * kTera) +
         work.bytes / (cluster.memory_gigabytes * kGiga) +
         work.operations * cluster.operation_us * kMicro;
}

// Forward and backward of the layers alone.
Work work_of_layers(const ScalingJob& job, double tokens) {
  const auto layers = static_cast<double>(job.model.layers);
  return {step_flops(job.model, {tokens, 0, job.keys_per_token}),
          kTrafficOfLayer * job.activation_bytes * layers * static_cast<double>(job.model.hidden) *
              tokens,
          layers * kOperationsOfLayer};
}

struct Halves {
  double forward = 0, backward = 0;
  double both() const { return forward + backward; }
};

// Backward takes twice a forward, and where layers are computed again another forward of all but
// the last.
Halves micro_batch_seconds(const ScalingJob& job, const ClusterOptions& cluster, double samples) {
  const double tokens = samples * job.tokens;
  const Work layers = work_of_layers(job, tokens);
  Work all = layers;
  all.flops = step_flops(job.model, {tokens, samples * job.masked, job.keys_per_token});
  all.operations += kOperationsOfEnds;
  const double once = seconds_of(all, cluster);
  Halves halves{kForwardShare * once, (1 - kForwardShare) * once};
  if (job.recompute == Recompute::layers) {
    const double again = 1 - 1 / static_cast<double>(job.model.layers);
    halves.backward += again * kForwardShare * seconds_of(layers, cluster);
  }
  return halves;
}

// Half of a sum's traffic: its scatter, or a gathering.
double half_seconds(const ClusterOptions& cluster, int devices, double bytes) {
  return all_reduce_seconds(cluster, devices, bytes) / 2;
}

// Gradients become final layer by layer, the tied embedding's at the end of backward.
struct Timeline {
  double exchange = 0;
  double exposed = 0;
};

Timeline run_buckets(const ScalingJob& job, const ClusterOptions& cluster, int devices,
                     double backward) {
  Timeline line;
  const auto parameters = static_cast<double>(job.model.parameter_count());
  const double embedding =
      static_cast<double>(job.model.vocab_size) * static_cast<double>(job.model.hidden);
  const double early = parameters - embedding;
  const double bucket = job.bucket_bytes / 4;  // elements: the buffer is f32
  double end = 0;
  for (double first = 0; first < parameters;) {
    const double limit = first < early ? early : parameters;
    const double last = std::min(first + bucket, limit);
    const double ready = last <= early ? backward * last / early : backward;
    const double bytes = (last - first) * job.gradient_bytes;
    const double seconds = job.shard_optimizer ? half_seconds(cluster, devices, bytes)
                                               : all_reduce_seconds(cluster, devices, bytes);
    line.exchange += seconds;
    end = std::max(end, ready) + seconds;
    first = last;
  }
  line.exposed = std::max(0.0, end - backward);
  return line;
}

}  // namespace

double all_reduce_seconds(const ClusterOptions& cluster, int devices, double bytes) {
  if (devices <= 1) return 0;
  const Nodes nodes = nodes_of(cluster, devices);
  const double inside =
      2 * (nodes.inside - 1) / nodes.inside * bytes / (cluster.node.gigabytes * kGiga);
  const double between =
      2 * (nodes.count - 1) / nodes.count * bytes / (cluster.network.gigabytes * kGiga);
  const double hops = std::min(nodes.count - 1, std::ceil(std::log2(nodes.count)));
  const double latency = 2 * (nodes.inside - 1) * cluster.node.latency_us * kMicro +
                         2 * hops * cluster.network.latency_us * kMicro;
  return latency + std::max(inside, between);
}

ScalingPoint predict_step(const ScalingJob& job, const ClusterOptions& cluster, int devices) {
  ScalingPoint point;
  point.devices = devices;
  const double samples = static_cast<double>(job.global_batch) / devices;
  point.micro_batches = std::max<std::int64_t>(
      1,
      static_cast<std::int64_t>(std::ceil(samples * job.tokens / job.micro_batch_tokens - 1e-9)));
  const auto count = static_cast<double>(point.micro_batches);
  const Halves micro = micro_batch_seconds(job, cluster, samples / count);
  point.compute = count * micro.both();
  const auto parameters = static_cast<double>(job.model.parameter_count());
  const double share = job.shard_optimizer ? 1.0 / devices : 1.0;
  point.optimizer = parameters * job.optimizer_bytes * share / (cluster.memory_gigabytes * kGiga);
  if (devices > 1) {
    const Timeline line = run_buckets(job, cluster, devices, micro.backward);
    point.exchange = line.exchange;
    point.exposed = line.exposed;
  }
  if (job.shard_optimizer) {
    point.exposed += half_seconds(cluster, devices, parameters * job.weight_bytes);
  }
  point.other = cluster.step_ms * 1e-3 + job.data_seconds;
  return point;
}

double fitted_efficiency(const ScalingJob& job, ClusterOptions cluster, int devices,
                         double seconds) {
  // The step falls with the efficiency: bisection.
  double low = 1e-4, high = 2;
  for (int i = 0; i < 60; ++i) {
    cluster.efficiency = std::sqrt(low * high);
    (predict_step(job, cluster, devices).step() > seconds ? low : high) = cluster.efficiency;
  }
  return cluster.efficiency;
}

}  // namespace bertyard
