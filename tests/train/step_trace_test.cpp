// SPDX-License-Identifier: Apache-2.0
#include "train/step_trace.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "parallel/single_communicator.h"
#include "train/traced_communicator.h"

namespace bertyard {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

class Heard final : public SpanListener {
 public:
  void begin(const char* name, std::int64_t) noexcept override { names.emplace_back(name); }
  void end() noexcept override { ++ended; }
  std::vector<std::string> names;
  int ended = 0;
};

class StepTraceTest : public ::testing::Test {
 protected:
  StepTrace::Setting setting() {
    return {.rank = 3, .host = "n\"7", .first_step = 1, .steps = 2, .also = &heard_};
  }
  static void step(StepTrace& trace, std::int64_t number) {
    const Span whole(&trace, "step", number);
    const Span layer(&trace, "layer forward", 5);
  }
  static std::vector<json> events(const StepTrace& trace, const std::string& kind) {
    std::vector<json> found;
    const json whole = json::parse(trace.json());
    for (const json& event : whole["traceEvents"]) {
      if (event["ph"] == kind) found.push_back(event);
    }
    return found;
  }
  static std::vector<std::string> names(const StepTrace& trace) {
    std::vector<std::string> found;
    for (const json& event : events(trace, "X")) found.push_back(event["name"]);
    return found;
  }

  Heard heard_;
  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 1});
};

TEST_F(StepTraceTest, KeepsSomeStepsWithTheirPartsAndWhatStandsBesideSteps) {
  StepTrace trace(setting(), *device_);
  std::vector<bool> complete;
  for (int number = 1; number <= 4; ++number) {
    step(trace, number);
    complete.push_back(trace.take_complete());
  }
  {
    const Span beside(&trace, "evaluation");
    const Span within(&trace, "layer forward", 0);
  }

  EXPECT_THAT(names(trace),
              ElementsAre("step 2", "layer forward 5", "step 3", "layer forward 5", "evaluation"));
  EXPECT_THAT(complete, ElementsAre(false, false, true, false));
  EXPECT_EQ(heard_.names.size(), 10u);
  EXPECT_EQ(heard_.ended, 10);
}

TEST_F(StepTraceTest, SpansLieWithinEachOtherAndSayTheirRank) {
  StepTrace trace(setting(), *device_);
  for (int number = 1; number <= 3; ++number) step(trace, number);

  const std::vector<json> spans = events(trace, "X");
  ASSERT_EQ(spans.size(), 4u);
  const auto begin = [](const json& span) { return span["ts"].get<double>(); };
  const auto end = [&](const json& span) { return begin(span) + span["dur"].get<double>(); };
  EXPECT_LE(begin(spans[0]), begin(spans[1]));
  EXPECT_GE(end(spans[0]) + 1e-6, end(spans[1]));
  EXPECT_LE(end(spans[0]), begin(spans[2]));
  EXPECT_EQ(spans[0]["pid"], 3);
  EXPECT_EQ(events(trace, "M")[0]["args"]["name"], "rank 3 on n\"7");
}

TEST_F(StepTraceTest, FollowsWhatGoesOnBesideASpanUntilItIsFoundComplete) {
  StepTrace trace(setting(), *device_);
  step(trace, 1);
  std::promise<void> sum, other;
  {
    const Span whole(&trace, "step", 2);
    Pending followed = trace.follow("sum", 40, Pending(sum.get_future()));
    Pending waited = trace.follow("other", 8, Pending(other.get_future()));
    EXPECT_FALSE(followed.complete());
    sum.set_value();
    EXPECT_TRUE(followed.complete());
    { const Span layer(&trace, "layer backward", 1); }
    other.set_value();
    waited.wait();
  }

  const std::vector<json> begun = events(trace, "b"), ended = events(trace, "e");
  const json layer = events(trace, "X").at(1);
  ASSERT_EQ(begun.size(), 2u);
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(begun[0]["name"], "sum");
  EXPECT_EQ(begun[0]["args"]["bytes"], 40);
  EXPECT_EQ(begun[0]["id"], ended[0]["id"]);
  EXPECT_LE(ended[0]["ts"], layer["ts"]);
  EXPECT_GE(ended[1]["ts"], layer["ts"]);
}

TEST_F(StepTraceTest, WhatFailsFailsWhereItIsWaitedFor) {
  StepTrace trace(setting(), *device_);
  step(trace, 1);
  const Span whole(&trace, "step", 2);
  std::promise<void> sum;
  Pending followed = trace.follow("sum", 4, Pending(sum.get_future()));

  sum.set_exception(std::make_exception_ptr(DataError("lost")));

  EXPECT_THROW(followed.wait(), DataError);
}

TEST_F(StepTraceTest, ACommunicatorIsTheSameButForBeingFollowed) {
  StepTrace trace(setting(), *device_);
  SingleCommunicator single;
  TracedCommunicator traced(single, trace);
  std::vector<float> values{1, 2, 3};
  traced.all_reduce_sum(view_of(std::span(values))).wait();
  step(trace, 1);
  {
    const Span whole(&trace, "step", 2);
    traced.all_reduce_sum(view_of(std::span(values))).wait();
    traced.barrier().wait();
  }

  std::vector<std::string> found;
  for (const json& event : events(trace, "b")) found.push_back(event["name"]);
  EXPECT_THAT(found, ElementsAre("all_reduce_sum", "barrier"));
  EXPECT_EQ(traced.name(), single.name());
  EXPECT_THAT(values, ElementsAre(1, 2, 3));
}

TEST(TraceFile, IsOneOfEachRank) {
  EXPECT_EQ(trace_file("out/trace.json", 0, 1), "out/trace.json");
  EXPECT_EQ(trace_file("out/trace.json", 12, 16), "out/trace.rank-0012.json");
  EXPECT_EQ(trace_file("trace", 0, 2), "trace.rank-0000");
}

}  // namespace
}  // namespace bertyard
