// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/task_set.h"

#include <algorithm>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/tasks/task_encoder.h"

namespace bertyard {
namespace {

template <typename T>
void hash_values(StreamingHash& hash, const std::vector<T>& values) {
  hash.update(std::as_bytes(std::span(values)));
  hash.update("|");
}

}  // namespace

TaskSet::TaskSet(TaskExamples examples, const Setting& setting)
    : examples_(std::move(examples)), labels_(setting.labels) {
  constexpr int kShortest = 8;
  if (setting.max_length < kShortest) {
    throw UsageError(
        fmt::format("task.max_length is {}, expected at least {}", setting.max_length, kShortest));
  }
  TaskEncoder encoder(*this, setting);
  for (const TextExample& example : examples_.texts) encoder.encode(example);
  for (std::size_t i = 0; i < examples_.tags.size(); ++i) encoder.encode(examples_.tags[i], i);
  for (std::size_t i = 0; i < examples_.answers.size(); ++i) {
    encoder.encode(examples_.answers[i], i);
  }
  StreamingHash identity;
  for (const Sample& sample : samples_) {
    hash_values(identity, sample.tokens);
    hash_values(identity, sample.labels);
    hash_values(identity, sample.task_labels);
    hash_values(identity, sample.task_values);
    properties_.tokens += sample.tokens.size();
    properties_.max_length = std::max(properties_.max_length, std::ssize(sample.tokens));
    properties_.max_masked = std::max(properties_.max_masked, std::ssize(sample.positions));
  }
  properties_.identity = identity.digest();
  properties_.path = examples_.path;
  properties_.layout = "a downstream set";
  properties_.samples = samples_.size();
  properties_.masks = MaskTime::prepare;
  properties_.cutting = Cutting::refused;
  properties_.vocabulary_hash = setting.vocabulary.hash();
  properties_.vocabulary_size = static_cast<std::uint32_t>(setting.vocabulary.size());
}

SampleShape TaskSet::shape(std::uint64_t index) const {
  const Sample& sample = samples_[index];
  return {std::ssize(sample.tokens), sample.a_length, std::ssize(sample.positions)};
}

void TaskSet::read(std::uint64_t index, StoredSample& sample) const {
  const Sample& stored = samples_[index];
  sample.tokens = stored.tokens;
  sample.segments.assign(stored.tokens.size(), 1);
  std::fill_n(sample.segments.begin(), stored.a_length, std::uint8_t{0});
  sample.key_mask.clear();
  sample.mask_positions = stored.positions;
  sample.mask_labels = stored.labels;
  sample.a_length = stored.a_length;
  sample.is_random_next = false;
  sample.task_labels = stored.task_labels;
  sample.task_values = stored.task_values;
}

std::uint64_t TaskSet::labelled() const {
  if (!examples_.answers.empty()) return samples_.size();
  if (labels_.empty()) {  // numbers
    const auto& texts = examples_.texts;
    return static_cast<std::uint64_t>(std::count_if(
        texts.begin(), texts.end(), [](const TextExample& row) { return row.label.has_value(); }));
  }
  const std::vector<std::uint64_t> counts = label_counts();
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::vector<std::uint64_t> TaskSet::label_counts() const {
  std::vector<std::uint64_t> counts(labels_.size(), 0);
  for (const Sample& sample : samples_) {
    for (const std::uint32_t label : sample.labels) {
      if (label < counts.size()) ++counts[label];
    }
    if (!examples_.answers.empty()) continue;
    for (const std::int32_t label : sample.task_labels) {
      if (label >= 0) ++counts[static_cast<std::size_t>(label)];
    }
  }
  return counts;
}

}  // namespace bertyard
