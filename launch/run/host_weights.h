// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/nn/task_model.h"
#include "core/nn/trained_model.h"

namespace bertyard {

// The parameters of a pre-training model in host memory of their own, without a device.
struct HostWeights {
  explicit HostWeights(const ModelConfig& config)
      : model(make_trained_model(config, SentenceObjective::next_sentence, store)),
        values(static_cast<std::size_t>(store.flat_elements())) {
    store.bind(view_of(std::span(values)), {});
  }
  HostWeights(const HostWeights&) = delete;
  HostWeights& operator=(const HostWeights&) = delete;

  ParameterStore store;
  TrainedModel model;
  std::vector<float> values;
};

// The same of a model with the head of a downstream task.
struct HostTaskWeights {
  HostTaskWeights(const ModelConfig& config, const HeadConfig& head)
      : model(config, head, store), values(static_cast<std::size_t>(store.flat_elements())) {
    store.bind(view_of(std::span(values)), {});
  }
  HostTaskWeights(const HostTaskWeights&) = delete;
  HostTaskWeights& operator=(const HostTaskWeights&) = delete;

  ParameterStore store;
  TaskModel model;
  std::vector<float> values;
};

}  // namespace bertyard
