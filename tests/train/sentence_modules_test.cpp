// SPDX-License-Identifier: Apache-2.0
#include "train/sentence_modules.h"

#include <fstream>

#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

constexpr const char* kModules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
])";

class SentenceModulesTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name) << text;
  }
  std::string refusal() {
    return message_of<DataError>([&] { read_sentence_modules(directory_.path()); });
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(SentenceModulesTest, ReadsPoolingLengthAndNormalisation) {
  EXPECT_FALSE(read_sentence_modules(directory_.path()).has_value());
  write("modules.json", kModules);
  write("1_Pooling/config.json",
        R"({"word_embedding_dimension": 384, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false})");
  write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": false})");

  const auto modules = read_sentence_modules(directory_.path());

  ASSERT_TRUE(modules.has_value());
  EXPECT_EQ(modules->pooling, Pooling::mean);
  EXPECT_EQ(modules->normalize, Normalize::yes);
  EXPECT_EQ(modules->max_length, 256);
  EXPECT_EQ(std::filesystem::weakly_canonical(modules->transformer),
            std::filesystem::weakly_canonical(directory_.path()));
}

TEST_F(SentenceModulesTest, RefusesWhatItCannotObey) {
  write("modules.json", R"([{"path": "", "type": "a.Transformer"}, {"type": "a.Dense"}])");
  EXPECT_THAT(refusal(), HasSubstr("module 1 is 'Dense'; expected Transformer, Pooling and at most "
                                   "Normalize"));
  write("modules.json", R"([{"path": "", "type": "a.Transformer"}])");
  EXPECT_THAT(refusal(), HasSubstr("expected Transformer and Pooling, found 1 modules"));
  write("modules.json", "{");
  EXPECT_THAT(refusal(), HasSubstr("modules.json: is no JSON"));
  write("modules.json", kModules);
  write("1_Pooling/config.json",
        R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})");
  EXPECT_THAT(refusal(), HasSubstr("found pooling_mode_mean_tokens too"));
  write("1_Pooling/config.json", R"({"pooling_mode_lasttoken": true})");
  EXPECT_THAT(refusal(), HasSubstr("pooling_mode_lasttoken"));
  write("1_Pooling/config.json", "{}");
  EXPECT_THAT(refusal(), HasSubstr("says no pooling among cls, mean and max"));
  write("1_Pooling/config.json", R"({"pooling_mode_cls_token": true, "include_prompt": false})");
  EXPECT_THAT(refusal(), HasSubstr("include_prompt is false"));
  write("1_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
  write("sentence_bert_config.json", R"({"max_seq_length": "long"})");
  EXPECT_THAT(refusal(), HasSubstr("'max_seq_length' is \"long\""));
  write("sentence_bert_config.json", R"({"do_lower_case": true})");
  EXPECT_THAT(refusal(), HasSubstr("do_lower_case is true"));
  write("sentence_bert_config.json", "{}");
  write("config_sentence_transformers.json", R"({"default_prompt_name": "query"})");
  EXPECT_THAT(refusal(), HasSubstr("the prompt 'query' stands before every text"));
}

}  // namespace
}  // namespace bertyard
