// SPDX-License-Identifier: Apache-2.0
#include "train/huggingface/huggingface.h"

#include <functional>

#include <nlohmann/json.hpp>

#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"
#include "tests/train/toy_state.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::TemporaryDirectory;
using testing::toy_config;
using testing::ToyState;

class HuggingFace : public ::testing::Test {
 protected:
  // The tensors of `source_`, changed by `edit`, as a file.
  fs::path file_with(const std::function<void(std::vector<NamedTensor>&)>& edit) {
    auto tensors =
        named_tensors(source_.parameters, view_of(std::span<const float>(source_.weights)));
    edit(tensors);
    const FileCalls calls;
    FileWriter file(directory_ / "model.safetensors", OpenFor::create, calls);
    write_safetensors(file, tensors);
    file.finish();
    return directory_ / "model.safetensors";
  }
  ImportReport import(const fs::path& path, MissingHeads missing = MissingHeads::refuse) {
    target_.parameters.bind(view_of(std::span<float>(target_.weights)), {});
    return load_huggingface_weights(path, target_.parameters, missing);
  }
  std::string refusal(const fs::path& path) {
    return message_of<DataError>([&] { import(path); });
  }
  bool same_weights() const {
    return testing::without_gaps(source_.parameters, source_.weights) ==
           testing::without_gaps(target_.parameters, target_.weights);
  }
  static NamedTensor& named(std::vector<NamedTensor>& tensors, std::string_view name) {
    return *std::find_if(tensors.begin(), tensors.end(),
                         [&](const NamedTensor& tensor) { return tensor.name == name; });
  }
  void write_config(const std::string& key, const json& value) {
    json config = json::parse(huggingface_config_text(toy_config()));
    if (value.is_discarded()) {
      config.erase(key);
    } else {
      config[key] = value;
    }
    write_file_atomically(directory_ / "config.json", config.dump());
  }
  std::string config_refusal(const std::string& key, const json& value) {
    write_config(key, value);
    return message_of<DataError>([&] { read_huggingface_config(directory_.path()); });
  }

  TemporaryDirectory directory_;
  ToyState source_{3};
  ToyState target_{50};
};

TEST_F(HuggingFace, ExportThenImportGivesTheSameModel) {
  const ExportContents contents{source_.config,
                                source_.parameters,
                                view_of(std::span<const float>(source_.weights)),
                                source_.vocabulary,
                                {}};

  export_huggingface(directory_ / "out", contents);
  const ImportReport report = import(directory_ / "out");

  EXPECT_TRUE(same_weights());
  EXPECT_EQ(read_huggingface_config(directory_ / "out"), source_.config);
  EXPECT_THAT(report.kept, IsEmpty());
  EXPECT_THAT(report.ignored, IsEmpty());
  EXPECT_EQ(read_file(directory_ / "out/vocab.txt"), source_.vocabulary);
  const json config = json::parse(read_file(directory_ / "out/config.json"));
  EXPECT_EQ(config["architectures"], json({"BertForPreTraining"}));
  EXPECT_EQ(config["hidden_act"], "gelu_new");
  EXPECT_EQ(config["pad_token_id"], 2);
  const json tokenizer = json::parse(read_file(directory_ / "out/tokenizer_config.json"));
  EXPECT_EQ(tokenizer["tokenizer_class"], "BertTokenizer");
  EXPECT_EQ(tokenizer["do_lower_case"], true);
  EXPECT_EQ(tokenizer["model_max_length"], 8);
}

TEST_F(HuggingFace, OldNamesBecomeToday) {
  EXPECT_EQ(from_old_name("bert.encoder.layer.3.output.LayerNorm.gamma"),
            "bert.encoder.layer.3.output.LayerNorm.weight");
  EXPECT_EQ(from_old_name("bert.embeddings.LayerNorm.beta"), "bert.embeddings.LayerNorm.bias");
  EXPECT_EQ(from_old_name("encoder.layer.0.intermediate.dense_act.weight"),
            "bert.encoder.layer.0.intermediate.dense.weight");
  EXPECT_EQ(from_old_name("bert.pooler.dense_act.bias"), "bert.pooler.dense.bias");
  EXPECT_EQ(from_old_name("cls.predictions.transform.dense_act.weight"),
            "cls.predictions.transform.dense.weight");
  EXPECT_EQ(from_old_name("pooler.dense.bias"), "bert.pooler.dense.bias");
  EXPECT_EQ(from_old_name("cls.predictions.bias"), "cls.predictions.bias");
}

TEST_F(HuggingFace, ReadsOldFilesWithBuffersAndTiedCopies) {
  const std::vector<std::int64_t> positions(8);
  const fs::path path = file_with([&](auto& tensors) {
    const NamedTensor words = named(tensors, "bert.embeddings.word_embeddings.weight");
    const NamedTensor bias = named(tensors, "cls.predictions.bias");
    tensors.push_back({"cls.predictions.decoder.weight", words.values});
    tensors.push_back({"cls.predictions.decoder.bias", bias.values});
    tensors.push_back(
        {"bert.embeddings.position_ids", ConstTensorView(positions.data(), DType::i64, {1, 8})});
    tensors.push_back({"classifier.bias", bias.values});
    named(tensors, "bert.embeddings.LayerNorm.weight").name = "bert.embeddings.LayerNorm.gamma";
    named(tensors, "bert.pooler.dense.weight").name = "bert.pooler.dense_act.weight";
  });

  const ImportReport report = import(path);

  EXPECT_TRUE(same_weights());
  EXPECT_THAT(report.ignored, ElementsAre("classifier.bias"));
}

TEST_F(HuggingFace, TakesTheDecodersBiasWhereItIsTheOnlyOne) {
  const fs::path path = file_with([&](auto& tensors) {
    named(tensors, "cls.predictions.bias").name = "cls.predictions.decoder.bias";
  });

  import(path);

  EXPECT_TRUE(same_weights());
}

TEST_F(HuggingFace, RefusesAnUntiedDecoder) {
  const std::vector<float> other(44, 9.0f);
  const fs::path path = file_with([&](auto& tensors) {
    tensors.push_back(
        {"cls.predictions.decoder.weight", ConstTensorView(other.data(), DType::f32, {11, 4})});
  });

  EXPECT_THAT(refusal(path), HasSubstr("differs from 'bert.embeddings.word_embeddings.weight'"));
}

TEST_F(HuggingFace, CutsAPaddedVocabulary) {
  const auto words = source_.parameters.find("bert.embeddings.word_embeddings.weight");
  std::vector<float> padded(16 * 4, -1.0f);
  const float* first = source_.weights.data() + source_.parameters.info(*words).offset;
  std::copy(first, first + 44, padded.begin());
  const std::vector<float> huge(400 * 4);

  const auto with = [&](const std::vector<float>& rows) {
    return file_with([&](auto& tensors) {
      named(tensors, "bert.embeddings.word_embeddings.weight").values =
          ConstTensorView(rows.data(), DType::f32, {static_cast<std::int64_t>(rows.size() / 4), 4});
    });
  };
  const ImportReport report = import(with(padded));

  EXPECT_TRUE(same_weights());
  EXPECT_EQ(report.padded_rows, 5);
  EXPECT_THAT(refusal(with(huge)), HasSubstr("has shape [400, 4], expected [11, 4]"));
}

TEST_F(HuggingFace, MissingHeadsFollowThePolicy) {
  const fs::path path = file_with([](auto& tensors) {
    std::erase_if(tensors, [](const NamedTensor& t) { return t.name.starts_with("cls."); });
    for (NamedTensor& tensor : tensors) tensor.name.erase(0, std::string("bert.").size());
  });

  EXPECT_THAT(refusal(path), HasSubstr("is missing; the file has no such head"));
  const ImportReport report = import(path, MissingHeads::keep_values);

  EXPECT_THAT(report.kept, Contains("cls.seq_relationship.weight"));
  EXPECT_EQ(report.kept.size(), 7u);
}

TEST_F(HuggingFace, RefusalsNameTheTensor) {
  const std::vector<float> other(12);
  EXPECT_THAT(refusal(file_with([](auto& tensors) {
                std::erase_if(tensors, [](const NamedTensor& t) {
                  return t.name == "bert.encoder.layer.0.output.dense.bias";
                });
              })),
              HasSubstr("tensor 'bert.encoder.layer.0.output.dense.bias' [4] is missing"));
  EXPECT_THAT(refusal(file_with([&](auto& tensors) {
                named(tensors, "bert.pooler.dense.weight").values =
                    ConstTensorView(other.data(), DType::f32, {3, 4});
              })),
              HasSubstr("'bert.pooler.dense.weight' has shape [3, 4], expected [4, 4]"));
  EXPECT_THAT(refusal(file_with([&](auto& tensors) {
                tensors.push_back({"bert.encoder.layer.1.output.dense.bias",
                                   view_of(std::span<const float>(other))});
              })),
              HasSubstr("has no place in this model"));
  EXPECT_THAT(refusal(file_with([&](auto& tensors) {
                tensors.push_back(
                    {"bert.embeddings.LayerNorm.beta", view_of(std::span<const float>(other))});
              })),
              HasSubstr("one tensor under two names"));
  EXPECT_FALSE(same_weights());
}

TEST_F(HuggingFace, PickledWeightsAreRefusedWithAdvice) {
  write_file_atomically(directory_ / "pytorch_model.bin", "PK");

  EXPECT_THAT(refusal(directory_.path()), HasSubstr("safe_serialization=True"));
  EXPECT_THAT(refusal(directory_ / "pytorch_model.bin"), HasSubstr("convert them to safetensors"));
  fs::remove(directory_ / "pytorch_model.bin");
  EXPECT_THAT(refusal(directory_.path()), HasSubstr("expected model.safetensors, found none"));
}

TEST_F(HuggingFace, ConfigActivations) {
  write_config("hidden_act", "gelu");
  EXPECT_EQ(read_huggingface_config(directory_.path()).activation, Activation::gelu_erf);
  write_config("hidden_act", "gelu_pytorch_tanh");
  EXPECT_EQ(read_huggingface_config(directory_.path()).activation, Activation::gelu_tanh);
  EXPECT_THAT(config_refusal("hidden_act", "relu"), HasSubstr("'hidden_act' is \"relu\""));
}

TEST_F(HuggingFace, ADecoderIsACausalModel) {
  ModelConfig causal = toy_config();
  causal.attention = AttentionDirection::causal;

  const json config = json::parse(huggingface_config_text(causal));
  write_file_atomically(directory_ / "config.json", config.dump());

  EXPECT_EQ(config["architectures"], json({"BertLMHeadModel"}));
  EXPECT_EQ(config["is_decoder"], true);
  EXPECT_EQ(read_huggingface_config(directory_.path()).attention, AttentionDirection::causal);
  write_config("is_decoder", false);
  EXPECT_EQ(read_huggingface_config(directory_.path()).attention,
            AttentionDirection::bidirectional);
  EXPECT_FALSE(json::parse(huggingface_config_text(toy_config())).contains("is_decoder"));
  EXPECT_THAT(config_refusal("is_decoder", "yes"),
              HasSubstr("'is_decoder' is \"yes\", expected true or false"));
  EXPECT_THAT(config_refusal("add_cross_attention", true), HasSubstr("expected false"));
}

TEST_F(HuggingFace, AnElmoHasAFormatOfItsOwn) {
  ModelConfig elmo = *model_preset("elmo");
  elmo.vocab_size = 50;
  elmo.layers = 3;
  elmo.hidden = 8;
  elmo.intermediate = 20;
  elmo.max_positions = 64;
  elmo.dropout = 0.25;
  const HeadDescription tagger{{HeadKind::tag, 2}, {"O", "B-X"}}, span{{HeadKind::span, 2}, {}};

  json config = json::parse(huggingface_config_text(elmo, 7, &tagger));
  write_file_atomically(directory_ / "config.json", config.dump());

  EXPECT_EQ(config["model_type"], "bertyard_elmo");
  EXPECT_EQ(config["architectures"], json({"BertyardElmoForTokenClassification"}));
  EXPECT_EQ(config["pad_token_id"], 7);
  EXPECT_EQ(read_huggingface_config(directory_.path()), elmo);
  const auto head = read_huggingface_head(directory_.path());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->head, tagger.head);
  EXPECT_EQ(head->labels, tagger.labels);
  EXPECT_EQ(json::parse(huggingface_config_text(elmo, 0, &span))["architectures"],
            json({"BertyardElmoForQuestionAnswering"}));
  config["intermediate_size"] = 4;
  write_file_atomically(directory_ / "config.json", config.dump());
  EXPECT_THAT(message_of<DataError>([&] { read_huggingface_config(directory_.path()); }),
              AllOf(HasSubstr("config.json: model: intermediate is 4"),
                    HasSubstr("fewer cells than the 8 outputs")));
  write_file_atomically(directory_ / "config.json", huggingface_config_text(elmo));
  EXPECT_FALSE(read_huggingface_head(directory_.path()));
}

TEST_F(HuggingFace, ConfigRefusalsNameTheKey) {
  EXPECT_THAT(message_of<DataError>([&] { read_huggingface_config(directory_.path()); }),
              HasSubstr("there is no config.json"));
  EXPECT_THAT(config_refusal("model_type", "roberta"),
              HasSubstr("'model_type' is \"roberta\", expected \"bert\""));
  EXPECT_THAT(config_refusal("position_embedding_type", "relative_key"),
              HasSubstr("expected \"absolute\""));
  EXPECT_THAT(config_refusal("tie_word_embeddings", false), HasSubstr("expected true"));
  EXPECT_THAT(config_refusal("hidden_size", json(json::value_t::discarded)),
              HasSubstr("'hidden_size' is nothing, expected a whole number"));
  EXPECT_THAT(config_refusal("num_hidden_layers", 1.5), HasSubstr("expected a whole number"));
  EXPECT_THAT(config_refusal("num_attention_heads", 3), HasSubstr("not divisible by heads 3"));
  EXPECT_THAT(config_refusal("layer_norm_eps", "small"), HasSubstr("expected a number"));
  write_file_atomically(directory_ / "config.json", "{");
  EXPECT_THAT(message_of<DataError>([&] { read_huggingface_config(directory_.path()); }),
              HasSubstr("not valid JSON"));
}

TEST_F(HuggingFace, OpensAModelWrittenByTransformers) {
  BERTYARD_REQUIRE_TEST_DATA("peers/bert_toy/model.safetensors");
  const fs::path toy = testing::test_data() / "peers/bert_toy";
  ToyState model(1, read_huggingface_config(toy));
  model.parameters.bind(view_of(std::span<float>(model.weights)), {});

  const ImportReport report = load_huggingface_weights(toy, model.parameters, MissingHeads::refuse);

  EXPECT_EQ(model.config.segments, 16);
  EXPECT_EQ(model.config.activation, Activation::gelu_erf);
  EXPECT_EQ(model.parameters.size(), 94);
  EXPECT_THAT(report.ignored, IsEmpty());
  const SafetensorsFile file(toy / "model.safetensors");
  const ParameterInfo& info = model.parameters.info(*model.parameters.find("cls.predictions.bias"));
  std::vector<float> bias(99);
  file.read_f32(*file.find("cls.predictions.bias"), bias);
  EXPECT_TRUE(std::equal(bias.begin(), bias.end(), model.weights.begin() + info.offset));
}

}  // namespace
}  // namespace bertyard
