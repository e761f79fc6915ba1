// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/nn/head_config.h"
#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "data/files/file_calls.h"
#include "data/options.h"
#include "train/files/safetensors.h"

namespace bertyard {

// Hugging Face directories: config.json, model.safetensors, vocab.txt, tokenizer_config.json.

// Reads DIRECTORY/config.json. Throws DataError that names file and key for a missing or unsuitable
// value, and for what BERT here is not: another model_type, relative positions, cross-attention,
// untied embeddings. "is_decoder" means causal. (Google's bert_config.json is not read: its "gelu"
// is another function.) An ELMo's "model_type" is "bertyard_elmo": transformers has none, and opens
// no such directory.
ModelConfig read_huggingface_config(const std::filesystem::path& directory);

// A downstream head as config.json describes it.
struct HeadDescription {
  HeadConfig head;
  std::vector<std::string> labels;  // by id; empty for regression and spans
};
// What DIRECTORY/config.json says of a head: by "architectures", with the names of "id2label".
// Nothing for a model with pre-training heads or none. DataError for values that do not fit, and
// for a causal model that transformers' class would classify by the first token, which sees itself.
std::optional<HeadDescription> read_huggingface_head(const std::filesystem::path& directory);

// config.json as BertForPreTraining reads it, BertLMHeadModel where the model is causal, or, with a
// head, the class of that task: `id2label`, `problem_type`. `pad_id` is the id of [PAD]. A CRF,
// which transformers does not have, is marked by "bertyard_decision", a BiLSTM below the labels by
// "bertyard_reader", that a causal model's sequences are classified by their last token by
// "bertyard_pooling".
std::string huggingface_config_text(const ModelConfig& config, std::int64_t pad_id = 0,
                                    const HeadDescription* head = nullptr);

// tokenizer_config.json of a BertTokenizer.
std::string huggingface_tokenizer_text(const TokenizerOptions& options, std::int64_t max_length);

// What DIRECTORY/tokenizer_config.json says; BertTokenizer's defaults where there is no such file.
// Throws DataError where it is no JSON object or a value has another type.
TokenizerOptions read_huggingface_tokenizer(const std::filesystem::path& directory);
// Line number of [PAD] in a vocab.txt; 0 where it has none.
std::int64_t pad_id_of(std::string_view vocabulary);

// The name our model gives to a tensor of a BERT checkpoint of any age: LayerNorm.gamma and .beta,
// NVIDIA's dense_act, names without the leading "bert.".
std::string from_old_name(std::string_view name);

// What to do where a checkpoint has no pooler or no pre-training heads. new_task: its head of a
// downstream task is not read either, for it is another task's.
enum class MissingHeads { refuse, keep_values, new_task };

struct ImportReport {
  std::vector<std::string> kept;     // heads that were not in the file and keep their values
  std::vector<std::string> ignored;  // tensors of the file that the model has no use for
  std::int64_t padded_rows = 0;      // rows of a padded vocabulary left out
};

// The file of weights that `path` is or has; DataError where it is none, or of another format.
std::filesystem::path huggingface_weights(const std::filesystem::path& path);

// Fills the values of `parameters` (f32 host memory) from a .safetensors file or the
// model.safetensors of a directory. A vocabulary padded by fewer than 128 rows is cut to the
// model's; a decoder must equal what it is tied to. DataError names the tensor with the expected
// and found shapes; nothing is written to `parameters` before every name and shape fits.
ImportReport load_huggingface_weights(const std::filesystem::path& path, ParameterStore& parameters,
                                      MissingHeads missing);

// The tensors of `parameters` under their names, as views of the flat f32 buffer `values`
// ([flat_elements()], host memory). Tied tensors are stored once, as transformers writes them.
std::vector<NamedTensor> named_tensors(const ParameterStore& parameters, ConstTensorView values);

struct ExportContents {
  const ModelConfig& model;
  const ParameterStore& parameters;
  ConstTensorView values;  // f32 [flat_elements()], host memory
  std::string_view vocabulary;
  TokenizerOptions tokenizer;
  const HeadDescription* head = nullptr;  // null: pre-training
};

// Writes the four files, each atomically; creates the directory.
void export_huggingface(const std::filesystem::path& directory, const ExportContents& contents,
                        const FileCalls& calls = FileCalls());

}  // namespace bertyard
