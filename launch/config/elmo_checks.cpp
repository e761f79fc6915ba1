// SPDX-License-Identifier: Apache-2.0
#include "launch/config/elmo_checks.h"

#include <fmt/format.h>

#include "launch/config/config_field.h"
#include "launch/config/field_checks.h"

namespace bertyard {
namespace {

constexpr const char* kTransformerKeys[] = {
    "model.heads",      "model.attention",         "model.activation", "model.init",
    "model.init_range", "model.attention_dropout", "model.segments",   "model.norm_epsilon"};

class ElmoChecks : FieldChecks {
 public:
  ElmoChecks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : FieldChecks(loaded, layers, errors) {}

  void run() const {
    const ModelSection& model = loaded_.config.model;
    if (!all_read({"model.type", "model.preset"})) return;
    const ModelConfig sizes = model_preset(model.preset).value();
    if (sizes.type != model.architecture.type) {
      mistake({"model.type"},
              fmt::format(
                  "{} is another model than {}; use {}", shown("model.type"), shown("model.preset"),
                  model.architecture.is_elmo() ? "preset: elmo" : "a preset of a transformer"));
    } else if (model.architecture.is_elmo()) {
      transformer_keys(sizes);
      cells();
      computing();
    }
  }

 private:
  void transformer_keys(const ModelConfig& sizes) const {
    RunConfig standard;
    standard.model.architecture = sizes;
    for (const std::string key : kTransformerKeys) {
      if (!all_read({key}) || value(key) == find_field(key)->write(standard, 0)) continue;
      mistake({key}, fmt::format("{} has no effect on this 'model.type', elmo ({}); remove it, or "
                                 "write null where it is inherited",
                                 shown(key), loaded_.origin_of("model.type").place()));
    }
  }
  void cells() const {
    const ModelConfig& model = loaded_.config.model.architecture;
    const std::string hidden = "model.hidden", given = "model.intermediate";
    if (!all_read({hidden, given}) || model.intermediate >= model.hidden) return;
    mistake({given, hidden},
            fmt::format("{} are fewer cells than an LSTM has outputs, {}; use {} or more",
                        shown(given), shown(hidden), model.hidden));
  }
  void computing() const {
    const RunConfig& config = loaded_.config;
    if (config.precision != Precision::fp32 && all_read({"precision"})) {
      mistake({"precision"},
              fmt::format("{} does not go with an ELMo, whose LSTMs compute in fp32; use fp32",
                          shown("precision")));
    }
    if (config.parallel.recompute != Recompute::none && all_read({"parallel.recompute"})) {
      mistake({"parallel.recompute"},
              fmt::format("{} does not go with an ELMo, which keeps all activations; use none",
                          shown("parallel.recompute")));
    }
    if (config.parallel.backend == BackendChoice::cuda && all_read({"parallel.backend"})) {
      mistake({"parallel.backend"},
              fmt::format("{} does not go with an ELMo, whose LSTMs compute on the CPU; use cpu",
                          shown("parallel.backend")));
    }
  }
};

}  // namespace

void check_elmo(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors) {
  ElmoChecks(loaded, layers, errors).run();
}

}  // namespace bertyard
