// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend/activation.h"

namespace bertyard {

enum class Initialization {
  truncated_normal,  // Google: N(0, range) cut at two standard deviations
  normal,            // Hugging Face: N(0, range), the [PAD] row of the word embedding zero
};

// What a model is made of.
enum class ModelType {
  transformer,  // BERT and, causal, GPT
  elmo,         // two stacks of LSTMs, one reading each way (Peters et al. 2018)
};
// "transformer", "elmo"
std::string_view name_of(ModelType type);

// What a token sees of its sequence.
enum class AttentionDirection {
  bidirectional,  // all of it: BERT, trained on masked tokens
  causal,         // itself and what stands before it: GPT, trained on the next token
};
// "bidirectional", "causal"
std::string_view name_of(AttentionDirection attention);

// Shape and constants of a BERT encoder with its pre-training heads (Devlin et al. 2018). A causal
// one is the transformer of GPT (Radford et al. 2018) with BERT's embeddings and token head:
// transformers' BertLMHeadModel with is_decoder. Of an ELMo, `layers` are the LSTMs of a direction,
// `hidden` the size of word vectors and of what a direction puts out, `intermediate` its cells;
// what only a transformer has keeps its default and is not read.
struct ModelConfig {
  ModelType type = ModelType::transformer;
  std::int64_t vocab_size = 30522;
  std::int64_t layers = 12;
  std::int64_t hidden = 768;
  std::int64_t heads = 12;
  std::int64_t intermediate = 3072;
  std::int64_t max_positions = 512;
  std::int64_t segments = 2;
  Activation activation = Activation::gelu_tanh;
  Initialization init = Initialization::truncated_normal;
  double init_range = 0.02;
  double dropout = 0.1;
  double attention_dropout = 0.1;
  double norm_epsilon = 1e-12;
  AttentionDirection attention = AttentionDirection::bidirectional;

  bool is_elmo() const { return type == ModelType::elmo; }
  bool is_causal() const { return attention == AttentionDirection::causal; }
  // Whether it is trained on all tokens, each from its neighbours, instead of on masked ones.
  bool is_language_model() const { return is_causal() || is_elmo(); }
  std::int64_t head_size() const { return hidden / heads; }
  // Parameters with the pre-training heads, the tied decoder counted once: 110,106,428 for
  // BERT-Base with 30,522 entries. A causal model has neither pooler nor NSP head, an
  // ELMo's softmax is tied likewise.
  std::int64_t parameter_count() const;
  bool operator==(const ModelConfig&) const = default;
};

// "bert-tiny", "bert-mini", "bert-small", "bert-medium", "bert-base", "bert-large", and "elmo", as
// published but over word pieces; nothing for any other name. The vocabulary size is left at its
// default.
std::optional<ModelConfig> model_preset(std::string_view name);
std::vector<std::string> model_preset_names();

// Throws UsageError where the numbers cannot make a model; names the field and a value that would.
void validate(const ModelConfig& config);

}  // namespace bertyard
