// SPDX-License-Identifier: Apache-2.0
// The model behind `plan` against published series: one constant, the efficiency, is fitted on the
// smallest point of a series, everything else follows. docs/scaling.md shows the same table.
#include "launch/plan/scaling_model.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

// Constants of the hardware, none of them fitted: rates from data sheets and measurements of
// others, hops from NCCL's own tables.
constexpr ClusterOptions kH100{};
constexpr ClusterOptions kA100{.devices_per_node = 8,
                               .matrix_tflops = 270,
                               .memory_gigabytes = 1700,
                               .node = {4, 230},
                               .network = {14, 185}};
constexpr ClusterOptions kV100{.devices_per_node = 16,
                               .matrix_tflops = 100,
                               .memory_gigabytes = 800,
                               .node = {4, 120},
                               .network = {14, 90}};

struct Point {
  int devices = 0;
  std::int64_t global_batch = 0;
  double published = 0;  // samples a second, of all devices
};
struct Series {
  std::string name;
  ClusterOptions cluster;
  ScalingJob job;
  std::vector<Point> points;  // the first is the one that is fitted
};

ScalingJob bert_large(double length, double masked, double micro_batch) {
  ScalingJob job;
  job.model.layers = 24;
  job.model.hidden = 1024;
  job.model.intermediate = 4096;
  job.tokens = job.keys_per_token = length;
  job.masked = masked;
  job.micro_batch_tokens = micro_batch * length;
  job.gradient_bytes = 2;
  job.optimizer_bytes = 46;
  return job;
}

// Packed samples of 254.5 tokens in the mean (gradients and weights travel in 16 bits, LAMB's state
// is dealt out).
ScalingJob mlperf() {
  ScalingJob job = bert_large(254.5, 38, 1e9);
  job.keys_per_token = 1.5 * job.tokens;
  job.weight_bytes = 2;
  job.shard_optimizer = true;
  return job;
}

std::vector<Series> published() {
  return {
      {"MLPerf, NVIDIA and Clemson, H100, fp8 (3472: fp16)",
       kH100,
       mlperf(),
       {{8, 768, 7760}, {48, 6912, 45888}, {64, 4608, 53184}, {3472, 13888, 756896}}},
      {"MLPerf, Supermicro, H100, fp8", kH100, mlperf(), {{8, 768, 7776}, {64, 4608, 56128}}},
      {"DeepLearningExamples, PyTorch, A100, 128",
       kA100,
       bert_large(128, 20, 256),
       {{1, 65536, 580}, {8, 65536, 4591}, {256, 65536, 138294}}},
      {"DeepLearningExamples, PyTorch, A100, 512",
       kA100,
       bert_large(512, 80, 32),
       {{1, 32768, 210}, {8, 32768, 1657}, {256, 32768, 49663}}},
      {"DeepLearningExamples, Paddle, A100, 128",
       kA100,
       bert_large(128, 20, 256),
       {{1, 65536, 694}, {8, 65536, 5541}, {256, 65536, 157952}}},
      // Hours of a whole run: 16 devices 1993 min, 64 521, 256 144, 1024 44; as rates relative to
      // 272 samples a second of one device.
      {"DeepSpeed, V100, time of a run",
       kV100,
       bert_large(128, 20, 64),
       {{16, 65536, 16 * 272.0},
        {64, 65536, 16 * 272.0 * 1993 / 521},
        {256, 65536, 16 * 272.0 * 1993 / 144},
        {1024, 65536, 16 * 272.0 * 1993 / 44}}},
  };
}

double predicted(const Series& series, const Point& point, const ClusterOptions& cluster) {
  ScalingJob job = series.job;
  job.global_batch = point.global_batch;
  return static_cast<double>(point.global_batch) / predict_step(job, cluster, point.devices).step();
}

ClusterOptions fitted(const Series& series) {
  const Point& smallest = series.points.front();
  ScalingJob job = series.job;
  job.global_batch = smallest.global_batch;
  ClusterOptions cluster = series.cluster;
  cluster.efficiency =
      fitted_efficiency(job, cluster, smallest.devices,
                        static_cast<double>(smallest.global_batch) / smallest.published);
  return cluster;
}

std::vector<std::string> table() {
  std::vector<std::string> lines;
  for (const Series& series : published()) {
    const ClusterOptions cluster = fitted(series);
    for (const Point& point : series.points) {
      const double rate = predicted(series, point, cluster);
      const bool first = &point == &series.points.front();
      lines.push_back(
          fmt::format("| {} | {} | {} | {:.0f} | {:.0f} | {} |", series.name, point.devices,
                      point.global_batch / point.devices, point.published, rate,
                      first ? fmt::format("fitted: efficiency {:.3f}", cluster.efficiency)
                            : fmt::format("{:+.1f}%", 100 * (rate / point.published - 1))));
    }
  }
  return lines;
}

TEST(ScalingModel, DocsShowWhatItPredicts) {
  std::ifstream file(BERTYARD_SOURCE_DIR "/docs/scaling.md");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  for (const std::string& line : table()) {
    EXPECT_NE(text.find(line), std::string::npos) << "docs/scaling.md lacks\n" << line;
  }
}

// Within 15% but for the points that docs/scaling.md explains.
TEST(ScalingModel, LargerPointsArePredictions) {
  for (const Series& series : published()) {
    const ClusterOptions cluster = fitted(series);
    for (const Point& point : series.points) {
      const double ratio = predicted(series, point, cluster) / point.published;
      const bool known = point.devices >= 1024;
      EXPECT_NEAR(ratio, 1.0, known ? 0.35 : 0.15) << series.name << ", " << point.devices;
    }
  }
}

// By hand: two devices of one node.
TEST(ScalingModel, ASumIsARing) {
  ClusterOptions cluster;
  cluster.node = {10, 100};
  EXPECT_NEAR(all_reduce_seconds(cluster, 2, 1e9), 20e-6 + 0.01, 1e-12);
  EXPECT_NEAR(all_reduce_seconds(cluster, 8, 1e9), 140e-6 + 2 * 7 / 8.0 * 0.01, 1e-12);
  EXPECT_EQ(all_reduce_seconds(cluster, 1, 1e9), 0);
  // Two nodes: the network's ring is the slower one.
  cluster.network = {100, 10};
  EXPECT_NEAR(all_reduce_seconds(cluster, 16, 1e9), 140e-6 + 200e-6 + 0.1, 1e-12);
}

// By hand: one layer of hidden size 1, without memory traffic or operations to speak of.
TEST(ScalingModel, ComputingIsARoofline) {
  ScalingJob job;
  job.model = {.vocab_size = 10, .layers = 1, .hidden = 1, .heads = 1, .intermediate = 4};
  job.global_batch = 4;
  job.tokens = 3;
  job.masked = 1;
  job.keys_per_token = 3;
  job.micro_batch_tokens = 6;
  job.optimizer_bytes = 0;
  ClusterOptions cluster;
  cluster.matrix_tflops = 1e-12;  // one operation a second
  cluster.efficiency = 0.5;
  cluster.memory_gigabytes = 1e30;
  cluster.operation_us = 0;

  const ScalingPoint point = predict_step(job, cluster, 1);

  // 3 (12 tokens (2 (4 + 8) + 4 * 3) + 4 masked 2 (1 + 10)) at half an operation a second.
  EXPECT_NEAR(point.compute, 2.0 * 3 * (12 * 36 + 4 * 22), 1e-6);
  EXPECT_EQ(point.micro_batches, 2);
  EXPECT_EQ(point.exposed, 0);
}

// Another forward of all layers but the last: of 24, with heads and embeddings, a third less a bit.
TEST(ScalingModel, LayersComputedAgainCostAThird) {
  ScalingJob job = bert_large(128, 20, 64);
  job.global_batch = 64 * 16;
  const ScalingPoint kept = predict_step(job, {}, 16);
  job.recompute = Recompute::layers;
  const ScalingPoint again = predict_step(job, {}, 16);

  EXPECT_NEAR(again.compute / kept.compute, 1 + 23.0 / 24 / 3, 0.02);
  EXPECT_EQ(again.exchange, kept.exchange);
  EXPECT_LE(again.exposed, kept.exposed) << "backward hides more";
  EXPECT_EQ(again.optimizer, kept.optimizer);
}

TEST(ScalingModel, WhatBackwardHidesIsNotExposed) {
  ScalingJob job = bert_large(128, 20, 64);
  job.global_batch = 64 * 16;
  ClusterOptions cluster;
  const ScalingPoint fast = predict_step(job, cluster, 16);
  cluster.network.gigabytes = 1;
  const ScalingPoint slow = predict_step(job, cluster, 16);

  EXPECT_LT(fast.exposed, 0.5 * fast.exchange);
  EXPECT_GT(slow.exposed, 0.8 * slow.exchange);
  EXPECT_EQ(fast.compute, slow.compute);
}

}  // namespace
}  // namespace bertyard
