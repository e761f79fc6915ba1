// SPDX-License-Identifier: Apache-2.0
#include "train/huggingface/tokenizer_json.h"

#include <fstream>

#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

class TokenizerJson : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& normalizer, const std::string& model) const {
    std::ofstream(directory_ / "tokenizer.json")
        << "{\"normalizer\": " << normalizer
        << ", \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"model\": " << model << "}";
    return directory_ / "tokenizer.json";
  }
  std::string refusal(const std::string& normalizer, const std::string& model) const {
    return message_of<DataError>([&] { read_tokenizer_json(write(normalizer, model)); });
  }
  const std::string normalizer_ =
      R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false,
          "strip_accents": null, "lowercase": false})";
  const std::string vocab_ =
      R"("vocab": {"a": 5, "[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4})";
  testing::TemporaryDirectory directory_;
};

TEST_F(TokenizerJson, HoldsVocabularyAndOptions) {
  const TokenizerFile file = read_tokenizer_json(
      write(normalizer_, R"({"type": "WordPiece", "continuing_subword_prefix": "##",
                             "max_input_chars_per_word": 100, )" +
                             vocab_ + "}"));

  EXPECT_EQ(file.vocabulary.tokens(),
            (std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"}));
  EXPECT_FALSE(file.options.lower_case);
  EXPECT_FALSE(file.options.split_cjk);
  EXPECT_FALSE(file.options.strip_accents.has_value());
  EXPECT_EQ(file.options.max_word_characters, 100);
}

TEST_F(TokenizerJson, RefusesOtherTokenizers) {
  EXPECT_THAT(refusal(normalizer_, R"({"type": "BPE", )" + vocab_ + "}"),
              HasSubstr("tokenizer.json: 'model.type' is \"BPE\", expected \"WordPiece\": only "
                        "BERT's tokenizer is known"));
  EXPECT_THAT(refusal(R"({"type": "NFC"})", "{" + vocab_ + "}"),
              HasSubstr("'normalizer.type' is \"NFC\""));
  EXPECT_THAT(refusal("null", "{" + vocab_ + "}"), HasSubstr("expected an object 'normalizer'"));
  EXPECT_THAT(refusal(normalizer_, R"({"vocab": {"[PAD]": 0, "[UNK]": 2}})"),
              HasSubstr("'model.vocab': the id of '[UNK]' is 2, expected every number from 0 to 1 "
                        "once"));
  EXPECT_THAT(refusal(normalizer_, "{}"), HasSubstr("expected an object 'model.vocab'"));
  EXPECT_THAT(refusal(R"({"lowercase": "yes"})", "{" + vocab_ + "}"),
              HasSubstr("'normalizer.lowercase' is \"yes\", which has another type"));
}

}  // namespace
}  // namespace bertyard
