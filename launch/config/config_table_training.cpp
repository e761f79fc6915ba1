// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "launch/config/config_field.h"

namespace bertyard {
namespace {

constexpr FieldRole kIdentity = FieldRole::identity;

constexpr NamedValue<Activation> kActivations[] = {{Activation::gelu_tanh, "gelu_tanh"},
                                                   {Activation::gelu_erf, "gelu_erf"}};
constexpr NamedValue<Initialization> kInitializations[] = {
    {Initialization::truncated_normal, "truncated_normal"}, {Initialization::normal, "normal"}};
constexpr NamedValue<ModelType> kModelTypes[] = {{ModelType::transformer, "transformer"},
                                                 {ModelType::elmo, "elmo"}};
constexpr NamedValue<AttentionDirection> kDirections[] = {
    {AttentionDirection::bidirectional, "bidirectional"}, {AttentionDirection::causal, "causal"}};
constexpr NamedValue<Shuffle> kShuffles[] = {{Shuffle::global, "global"},
                                             {Shuffle::blocks, "blocks"}};
constexpr NamedValue<SpikeRule> kSpikeRules[] = {
    {SpikeRule::none, "none"}, {SpikeRule::skip, "skip"}, {SpikeRule::rollback, "rollback"}};
constexpr NamedValue<OptimizerKind> kOptimizers[] = {{OptimizerKind::adamw, "adamw"},
                                                     {OptimizerKind::adam, "adam"},
                                                     {OptimizerKind::lamb, "lamb"},
                                                     {OptimizerKind::sgd, "sgd"}};
constexpr NamedValue<Decay> kDecays[] = {{Decay::linear, "linear"},
                                         {Decay::polynomial, "polynomial"},
                                         {Decay::constant, "constant"},
                                         {Decay::cosine, "cosine"}};
constexpr NamedValue<ScheduleForm> kForms[] = {{ScheduleForm::google, "google"},
                                               {ScheduleForm::nvidia, "nvidia"}};

// beta1 and beta2 as one list of two.
ConfigField betas_field() {
  ConfigField field;
  field.key = "optim.betas";
  field.form = "list of two numbers, each at least 0 and below 1";
  field.schema = R"({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2})";
  field.meaning = "decay of the two moments; sgd takes its momentum from the first";
  field.role = kIdentity;
  field.read = [](RunConfig& config, std::size_t, const ConfigNode& node) {
    if (node.items.size() != 2) throw ScalarError("a list of two numbers such as [0.9, 0.999]");
    double betas[2];
    for (std::size_t i = 0; i < 2; ++i) {
      betas[i] = parse_real(scalar_of(node.items[i], "a list of two numbers"));
      if (betas[i] < 0 || betas[i] >= 1)
        throw ScalarError("two numbers, each at least 0 and below 1");
    }
    config.optim.optimizer.beta1 = betas[0];
    config.optim.optimizer.beta2 = betas[1];
  };
  field.write = [](const RunConfig& config, std::size_t) {
    const OptimizerOptions& optimizer = config.optim.optimizer;
    return fmt::format("[{}, {}]", write_real(optimizer.beta1), write_real(optimizer.beta2));
  };
  return field;
}

std::vector<ConfigField> schedule_fields() {
  return {
      make_field({"data.train", "shards or manifest to train on; default: samples.out/train"},
                 at(&RunConfig::data, &DataOptions::train), path_type()),
      make_field({"data.valid", "held-out shards; default: samples.out/valid"},
                 at(&RunConfig::data, &DataOptions::valid), path_type()),
      make_field({"data.prefetch", "batches ready ahead of the step"},
                 at(&RunConfig::data, &DataOptions::prefetch), count_type<int>({1, 1024})),
      make_field({"data.shuffle",
                  "global: one permutation of all samples an epoch; blocks: for cold and network "
                  "storage, blocks of neighbours in random order, mixed within a window",
                  kIdentity},
                 at(&RunConfig::data, &DataOptions::shuffle), choice_type<Shuffle>(kShuffles, {})),
      make_field(
          {"data.block", "samples of a block, with shuffle: blocks", FieldRole::newer_identity},
          at(&RunConfig::data, &DataOptions::shuffle_block),
          count_type<std::int64_t>({1, std::int64_t{1} << 32})),
      make_field({"data.window", "blocks that are mixed with each other, likewise",
                  FieldRole::newer_identity},
                 at(&RunConfig::data, &DataOptions::shuffle_window),
                 count_type<std::int64_t>({1, 1 << 20})),
      make_field(
          {"data.cache",
           "directory for shards converted from NVIDIA's or MLPerf's layout; default: beside "
           "these files"},
          at(&RunConfig::data, &DataOptions::cache), path_type()),
      make_field({"schedule.*.until", "end of the phase, from the start of the run", kIdentity},
                 at_phase(&Phase::until), amount_type()),
      make_field({"schedule.*.length", "tokens of a sample at most", kIdentity},
                 at_phase(&Phase::max_length), count_type<int>({8, 65535})),
      make_field({"schedule.*.global_batch", "samples of a step, all ranks together", kIdentity},
                 at_phase(&Phase::global_batch), count_type<std::int64_t>({1, 1 << 24})),
  };
}

std::vector<ConfigField> optim_fields() {
  const auto optim = [](auto member) { return at(&RunConfig::optim, member); };
  const auto spike = [](auto member) {
    return at(&RunConfig::watch, &WatchOptions::spike, member);
  };
  const auto optimizer = [](auto member) {
    return at(&RunConfig::optim, &OptimSection::optimizer, member);
  };
  return {
      make_field({"optim.name",
                  "adamw: with bias correction; adam: as Google's BERT, without; lamb: "
                  "as apex has it",
                  kIdentity},
                 optimizer(&OptimizerOptions::kind), choice_type<OptimizerKind>(kOptimizers, {})),
      make_field({"optim.lr", "highest learning rate", kIdentity},
                 optimizer(&OptimizerOptions::learning_rate),
                 real_type({.least = 0, .excludes_least = true})),
      make_field({"optim.warmup", "the rate rises over this amount", kIdentity},
                 optim(&OptimSection::warmup), amount_type()),
      make_field({"optim.decay", "how it falls after that", kIdentity}, optim(&OptimSection::decay),
                 choice_type<Decay>(kDecays, {})),
      make_field({"optim.form", "how warm-up and decay meet: google's BERT or nvidia's", kIdentity},
                 optim(&OptimSection::form), choice_type<ScheduleForm>(kForms, {})),
      make_field({"optim.end_lr", "rate at the end", kIdentity}, optim(&OptimSection::end_rate),
                 real_type({})),
      make_field({"optim.degree", "of polynomial decay: (1 - t)^degree", kIdentity},
                 optim(&OptimSection::polynomial_degree),
                 real_type({.least = 0, .excludes_least = true})),
      betas_field(),
      make_field({"optim.epsilon", "added to the denominator", kIdentity},
                 optimizer(&OptimizerOptions::epsilon),
                 real_type({.least = 0, .excludes_least = true})),
      make_field({"optim.weight_decay", "never on biases and LayerNorm", kIdentity},
                 optimizer(&OptimizerOptions::weight_decay), real_type({})),
      make_field({"optim.clip", "largest global norm of the gradient; 0: no clipping", kIdentity},
                 optimizer(&OptimizerOptions::clip_norm), real_type({})),
      make_field({"optim.max_skipped", "updates in a row left out; then the run ends, exit code 5"},
                 at(&RunConfig::watch, &WatchOptions::max_skipped),
                 count_type<std::int64_t>({1, 1000000})),
      make_field(
          {"optim.spike.rule",
           "what a step does whose loss is far above the last ones: nothing, skip (leave its "
           "update out) or rollback (to the newest checkpoint, and on after its samples)",
           FieldRole::newer_identity},
          spike(&SpikeOptions::rule), choice_type<SpikeRule>(kSpikeRules, {})),
      make_field(
          {"optim.spike.factor", "far above: so many times their mean", FieldRole::newer_identity},
          spike(&SpikeOptions::factor), real_type({.least = 1, .excludes_least = true})),
      make_field({"optim.spike.window", "the last ones: so many steps", FieldRole::newer_identity},
                 spike(&SpikeOptions::window), count_type<std::int64_t>({1, 100000})),
  };
}

}  // namespace

std::vector<ConfigField> model_fields() {
  const auto shape = [](auto member) {
    return at(&RunConfig::model, &ModelSection::architecture, member);
  };
  const RealRange rate{.least = 0, .below = 1};
  const RealRange positive{.least = 0, .excludes_least = true};
  return {
      make_field({"model.preset", "sets the keys below that are not given"},
                 at(&RunConfig::model, &ModelSection::preset),
                 text_choice_type(model_preset_names())),
      make_field({"model.type",
                  "transformer: BERT and GPT; elmo: LSTMs that read each way, trained on the "
                  "tokens before and behind each, without masks and pairs; comes with the preset",
                  FieldRole::newer_identity},
                 shape(&ModelConfig::type), choice_type<ModelType>(kModelTypes, {})),
      make_field({"model.layers", "transformer blocks, or an ELMo's LSTMs each way", kIdentity},
                 shape(&ModelConfig::layers), count_type<std::int64_t>({1, 1000})),
      make_field({"model.hidden", "width; of an ELMo each way", kIdentity},
                 shape(&ModelConfig::hidden), count_type<std::int64_t>({1, 65536})),
      make_field({"model.heads", "attention heads; must divide hidden", kIdentity},
                 shape(&ModelConfig::heads), count_type<std::int64_t>({1, 65536})),
      make_field({"model.intermediate",
                  "width of the feed-forward layer, or cells of an ELMo's LSTM", kIdentity},
                 shape(&ModelConfig::intermediate), count_type<std::int64_t>({1, 1 << 20})),
      make_field({"model.attention",
                  "bidirectional: BERT, trained on masked tokens; causal: a token sees itself and "
                  "what stands before it, and is trained on the next one, without masks and pairs: "
                  "GPT",
                  FieldRole::newer_identity},
                 shape(&ModelConfig::attention), choice_type<AttentionDirection>(kDirections, {})),
      make_field({"model.activation", "gelu_tanh: Google, NVIDIA; gelu_erf: Hugging Face's gelu",
                  kIdentity},
                 shape(&ModelConfig::activation), choice_type<Activation>(kActivations, {})),
      make_field({"model.init", "truncated_normal: Google; normal: Hugging Face", kIdentity},
                 shape(&ModelConfig::init), choice_type<Initialization>(kInitializations, {})),
      make_field({"model.init_range", "standard deviation of the initial weights", kIdentity},
                 shape(&ModelConfig::init_range), real_type(positive)),
      make_field({"model.dropout", "of hidden states", kIdentity}, shape(&ModelConfig::dropout),
                 real_type(rate)),
      make_field({"model.attention_dropout", "of attention probabilities", kIdentity},
                 shape(&ModelConfig::attention_dropout), real_type(rate)),
      make_field({"model.max_positions", "longest sequence", kIdentity},
                 shape(&ModelConfig::max_positions), count_type<std::int64_t>({8, 65535})),
      make_field({"model.segments", "segment types", kIdentity}, shape(&ModelConfig::segments),
                 count_type<std::int64_t>({1, 65535})),
      make_field({"model.norm_epsilon", "of LayerNorm", kIdentity},
                 shape(&ModelConfig::norm_epsilon), real_type(positive)),
      make_field({"model.from",
                  "start from a run, a checkpoint or a Hugging Face directory; empty: random"},
                 at(&RunConfig::model, &ModelSection::from), path_type()),
  };
}

std::vector<ConfigField> training_fields() {
  std::vector<ConfigField> fields = schedule_fields();
  for (ConfigField& field : optim_fields()) fields.push_back(std::move(field));
  return fields;
}

}  // namespace bertyard
