// SPDX-License-Identifier: Apache-2.0
#include "launch/elmo_checks.h"

#include <fmt/format.h>

#include "launch/config_field.h"

namespace bertyard {
namespace {

constexpr const char* kTransformerKeys[] = {
    "model.heads",      "model.attention",         "model.activation", "model.init",
    "model.init_range", "model.attention_dropout", "model.segments",   "model.norm_epsilon"};

class ElmoChecks {
 public:
  ElmoChecks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : loaded_(loaded), layers_(layers), errors_(errors) {}

  void run() const {
    const ModelSection& model = loaded_.config.model;
    if (layers_.has_mistake("model.type") || layers_.has_mistake("model.preset")) return;
    const ModelConfig sizes = model_preset(model.preset).value();
    if (sizes.type != model.architecture.type) {
      mistake("model.type",
              fmt::format(
                  "{} is another model than {}; use {}", seen("model.type"), seen("model.preset"),
                  model.architecture.is_elmo() ? "preset: elmo" : "a preset of a transformer"));
    } else if (model.architecture.is_elmo()) {
      transformer_keys(sizes);
      cells();
      computing();
    }
  }

 private:
  std::string value(const std::string& key) const {
    return find_field(key)->write(loaded_.config, 0);
  }
  // "'model.heads' 4 (run.yaml:3:5)"
  std::string seen(const std::string& key) const {
    return fmt::format("'{}' {} ({})", key, value(key), loaded_.origin_of(key).place());
  }
  void mistake(const std::string& key, const std::string& message) const {
    const auto given = layers_.values().find(key);
    errors_.add(given == layers_.values().end() ? ConfigPlace() : given->second.node.place,
                message);
  }
  void transformer_keys(const ModelConfig& sizes) const {
    RunConfig standard;
    standard.model.architecture = sizes;
    for (const std::string key : kTransformerKeys) {
      if (layers_.has_mistake(key) || value(key) == find_field(key)->write(standard, 0)) continue;
      mistake(key, fmt::format("{} has no effect on this 'model.type', elmo ({}); remove it, or "
                               "write null where it is inherited",
                               seen(key), loaded_.origin_of("model.type").place()));
    }
  }
  void cells() const {
    const ModelConfig& model = loaded_.config.model.architecture;
    const std::string hidden = "model.hidden", given = "model.intermediate";
    if (layers_.has_mistake(hidden) || layers_.has_mistake(given)) return;
    if (model.intermediate >= model.hidden) return;
    const bool is_given = layers_.values().contains(given);
    mistake(is_given ? given : hidden,
            fmt::format("{} are fewer cells than an LSTM has outputs, {}; use {} or more",
                        seen(given), seen(hidden), model.hidden));
  }
  void computing() const {
    const RunConfig& config = loaded_.config;
    if (config.precision != Precision::fp32 && !layers_.has_mistake("precision")) {
      mistake("precision", fmt::format("{} does not go with an ELMo, whose LSTMs compute in fp32; "
                                       "use fp32",
                                       seen("precision")));
    }
    const bool on_gpu = config.parallel.backend == BackendChoice::cuda;
    if (on_gpu && !layers_.has_mistake("parallel.backend")) {
      mistake("parallel.backend",
              fmt::format("{} does not go with an ELMo, whose LSTMs compute on the CPU; use cpu",
                          seen("parallel.backend")));
    }
  }

  const LoadedConfig& loaded_;
  const ConfigLayers& layers_;
  ConfigErrors& errors_;
};

}  // namespace

void check_elmo(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors) {
  ElmoChecks(loaded, layers, errors).run();
}

}  // namespace bertyard
