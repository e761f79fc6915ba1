// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "train/files/strict_json.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The values of one config.json, with the file's name in every message.
class ConfigFile {
 public:
  explicit ConfigFile(const fs::path& path) : path_(path.string()) {
    const std::string text = read_file(path);
    require_strict_json(text, path_, 32);
    values_ = Json::parse(text);
  }

  [[noreturn]] void fail(const char* key, const std::string& expected) const {
    const std::string found = values_.contains(key) ? values_[key].dump() : "nothing";
    throw DataError(fmt::format("{}: '{}' is {}, expected {}", path_, key, found, expected));
  }
  std::int64_t whole(const char* key) const {
    if (!values_.contains(key) || !values_[key].is_number_integer()) fail(key, "a whole number");
    return values_[key].get<std::int64_t>();
  }
  std::int64_t whole(const char* key, std::int64_t fallback) const {
    return values_.contains(key) ? whole(key) : fallback;
  }
  double number(const char* key, double fallback) const {
    if (!values_.contains(key)) return fallback;
    if (!values_[key].is_number()) fail(key, "a number");
    return values_[key].get<double>();
  }
  bool truth(const char* key, bool fallback) const {
    if (!values_.contains(key)) return fallback;
    if (!values_[key].is_boolean()) fail(key, "true or false");
    return values_[key].get<bool>();
  }
  // A setting this BERT has in one form only; `fallback` stands for the key's absence.
  void require_value(const char* key, const Json& expected) const {
    if (!values_.contains(key) || values_[key] == expected) return;
    fail(key, fmt::format("{}: this program trains BERT's encoder only", expected.dump()));
  }
  bool says(const char* key, const Json& value) const {
    return values_.contains(key) && values_[key] == value;
  }
  Activation activation() const {
    const std::string name = values_.contains("hidden_act") && values_["hidden_act"].is_string()
                                 ? values_["hidden_act"].get<std::string>()
                                 : "";
    if (name == "gelu") return Activation::gelu_erf;
    if (name == "gelu_new" || name == "gelu_pytorch_tanh") return Activation::gelu_tanh;
    fail("hidden_act", "one of: \"gelu\", \"gelu_new\", \"gelu_pytorch_tanh\"");
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Json values_;
};

// transformers has no ELMo: a directory of one is for this program.
constexpr const char* kElmoType = "bertyard_elmo";
constexpr const char *kElmo = "BertyardElmo", *kBert = "Bert";

const char* class_of(HeadKind kind) {
  switch (kind) {
    case HeadKind::tag:
      return "ForTokenClassification";
    case HeadKind::span:
      return "ForQuestionAnswering";
    case HeadKind::classify:
    case HeadKind::regress:
      break;
  }
  return "ForSequenceClassification";
}

bool is_of_sequence(const HeadConfig& head) {
  return head.kind == HeadKind::classify || head.kind == HeadKind::regress;
}

// "BertForPreTraining"
std::string architecture_of(const ModelConfig& config, const HeadDescription* head) {
  const std::string model = config.is_elmo() ? kElmo : kBert;
  if (head != nullptr) return model + class_of(head->head.kind);
  return model + (config.is_causal() ? "LMHeadModel" : "ForPreTraining");
}

void describe_head(Json& json, const HeadDescription& head) {
  if (head.head.kind == HeadKind::span) return;
  std::vector<std::string> labels = head.labels;
  if (labels.empty()) labels.push_back("LABEL_0");
  Json names, ids;
  for (std::size_t id = 0; id < labels.size(); ++id) {
    names[std::to_string(id)] = labels[id];
    ids[labels[id]] = id;
  }
  json["id2label"] = names;
  json["label2id"] = ids;
  if (head.head.kind == HeadKind::classify) json["problem_type"] = "single_label_classification";
  if (head.head.kind == HeadKind::regress) json["problem_type"] = "regression";
  if (head.head.decision == TagDecision::crf) json["bertyard_decision"] = "crf";
  if (head.head.reader == TagReader::bilstm) json["bertyard_reader"] = "bilstm";
}

fs::path config_path(const fs::path& directory) {
  fs::path path = directory / "config.json";
  if (fs::exists(path)) return path;
  throw DataError(
      fmt::format("{}: there is no config.json; expected a Hugging Face directory with "
                  "config.json and model.safetensors",
                  directory.string()));
}

// What is not in the file has the values of the preset: they are not read.
ModelConfig read_elmo(const ConfigFile& file) {
  ModelConfig config = *model_preset("elmo");
  config.vocab_size = file.whole("vocab_size");
  config.layers = file.whole("num_hidden_layers");
  config.hidden = file.whole("hidden_size");
  config.intermediate = file.whole("intermediate_size");
  config.max_positions = file.whole("max_position_embeddings");
  config.dropout = file.number("hidden_dropout_prob", config.dropout);
  return config;
}

ModelConfig read_bert(const ConfigFile& file) {
  file.require_value("model_type", "bert");
  file.require_value("position_embedding_type", "absolute");
  file.require_value("add_cross_attention", false);
  file.require_value("tie_word_embeddings", true);
  ModelConfig config;
  config.vocab_size = file.whole("vocab_size");
  config.layers = file.whole("num_hidden_layers");
  config.hidden = file.whole("hidden_size");
  config.heads = file.whole("num_attention_heads");
  config.intermediate = file.whole("intermediate_size");
  config.max_positions = file.whole("max_position_embeddings", 512);
  config.segments = file.whole("type_vocab_size", 2);
  config.activation = file.activation();
  config.init = Initialization::normal;
  config.init_range = file.number("initializer_range", 0.02);
  config.dropout = file.number("hidden_dropout_prob", 0.1);
  config.attention_dropout = file.number("attention_probs_dropout_prob", 0.1);
  config.norm_epsilon = file.number("layer_norm_eps", 1e-12);
  if (file.truth("is_decoder", false)) config.attention = AttentionDirection::causal;
  return config;
}

}  // namespace

ModelConfig read_huggingface_config(const fs::path& directory) {
  const ConfigFile file(config_path(directory));
  const ModelConfig config = file.says("model_type", kElmoType) ? read_elmo(file) : read_bert(file);
  try {
    validate(config);
  } catch (const UsageError& error) {
    throw DataError(fmt::format("{}: {}", file.path(), error.what()));
  }
  return config;
}

std::string huggingface_config_text(const ModelConfig& config, std::int64_t pad_id,
                                    const HeadDescription* head) {
  Json json;
  json["architectures"] = {architecture_of(config, head)};
  if (head != nullptr) describe_head(json, *head);
  const bool by_last = head != nullptr && config.is_causal() && is_of_sequence(head->head);
  if (by_last) json["bertyard_pooling"] = "last";
  json["model_type"] = config.is_elmo() ? kElmoType : "bert";
  json["vocab_size"] = config.vocab_size;
  json["num_hidden_layers"] = config.layers;
  json["hidden_size"] = config.hidden;
  json["intermediate_size"] = config.intermediate;
  json["max_position_embeddings"] = config.max_positions;
  json["hidden_dropout_prob"] = config.dropout;
  json["pad_token_id"] = pad_id;
  json["torch_dtype"] = "float32";
  if (config.is_elmo()) return json.dump(2) + "\n";
  json["num_attention_heads"] = config.heads;
  json["type_vocab_size"] = config.segments;
  json["hidden_act"] = config.activation == Activation::gelu_erf ? "gelu" : "gelu_new";
  json["initializer_range"] = config.init_range;
  json["attention_probs_dropout_prob"] = config.attention_dropout;
  json["layer_norm_eps"] = config.norm_epsilon;
  if (config.is_causal()) json["is_decoder"] = true;  // transformers' BERT is causal with it
  json["position_embedding_type"] = "absolute";
  json["tie_word_embeddings"] = true;
  return json.dump(2) + "\n";
}

namespace {

std::vector<std::string> labels_of(const Json& json, const std::string& path) {
  std::vector<std::string> labels;
  if (!json.contains("id2label")) return {"LABEL_0", "LABEL_1"};  // transformers' default
  const Json& names = json["id2label"];
  for (std::size_t id = 0; names.is_object() && id < names.size(); ++id) {
    const auto found = names.find(std::to_string(id));
    if (found == names.end() || !found->is_string()) break;
    labels.push_back(found->get<std::string>());
  }
  if (names.is_object() && labels.size() == names.size()) return labels;
  throw DataError(fmt::format("{}: 'id2label' is {}, expected the names of the labels 0, 1, ...",
                              path, names.dump()));
}

// A causal model's first token has seen nothing, and another program's head would look at it.
void require_last_token(const Json& json, const std::string& path) {
  const bool is_causal = json.contains("is_decoder") && json["is_decoder"] == true;
  if (!is_causal || (json.contains("bertyard_pooling") && json["bertyard_pooling"] == "last")) {
    return;
  }
  throw DataError(fmt::format(
      "{}: a causal BertForSequenceClassification (\"is_decoder\": true) without "
      "\"bertyard_pooling\": \"last\" classifies by its first token, which sees nothing but "
      "itself; fine-tune the model with bertyard, which takes the last",
      path));
}

}  // namespace

std::optional<HeadDescription> read_huggingface_head(const fs::path& directory) {
  const fs::path path = config_path(directory);
  const Json json = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("architectures")) return std::nullopt;
  const Json& classes = json["architectures"];
  std::string name = classes.is_array() && !classes.empty() && classes[0].is_string()
                         ? classes[0].get<std::string>()
                         : "";
  if (name.starts_with(kElmo)) name.replace(0, std::string_view(kElmo).size(), kBert);
  HeadDescription head;
  if (name == "BertForQuestionAnswering") {
    head.head = {HeadKind::span, 2};
  } else if (name == "BertForTokenClassification") {
    head.labels = labels_of(json, path.string());
    head.head = {HeadKind::tag, std::ssize(head.labels)};
    if (json.value("bertyard_decision", "") == "crf") head.head.decision = TagDecision::crf;
    if (json.value("bertyard_reader", "") == "bilstm") head.head.reader = TagReader::bilstm;
  } else if (name == "BertForSequenceClassification") {
    head.labels = labels_of(json, path.string());
    head.head = {HeadKind::classify, std::ssize(head.labels)};
    if (head.labels.size() == 1) head = {{HeadKind::regress, 1}, {}};
    require_last_token(json, path.string());
  } else {
    return std::nullopt;
  }
  return head;
}

std::string huggingface_tokenizer_text(const TokenizerOptions& options, std::int64_t max_length) {
  Json json;
  json["tokenizer_class"] = "BertTokenizer";
  json["do_lower_case"] = options.lower_case;
  json["strip_accents"] = options.strip_accents ? Json(*options.strip_accents) : Json();
  json["tokenize_chinese_chars"] = options.split_cjk;
  json["model_max_length"] = max_length;
  json["unk_token"] = "[UNK]";
  json["sep_token"] = "[SEP]";
  json["pad_token"] = "[PAD]";
  json["cls_token"] = "[CLS]";
  json["mask_token"] = "[MASK]";
  return json.dump(2) + "\n";
}

std::int64_t pad_id_of(std::string_view vocabulary) {
  std::int64_t line = 0;
  while (!vocabulary.empty()) {
    const std::size_t end = vocabulary.find('\n');
    std::string_view entry = vocabulary.substr(0, end);
    if (entry.ends_with('\r')) entry.remove_suffix(1);
    if (entry == "[PAD]") return line;
    if (end == std::string_view::npos) break;
    vocabulary.remove_prefix(end + 1);
    ++line;
  }
  return 0;
}

}  // namespace bertyard
