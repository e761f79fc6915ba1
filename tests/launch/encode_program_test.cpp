// SPDX-License-Identifier: Apache-2.0
// encode and fill-mask as a user runs them, on a small model made here.
#include <cmath>
#include <cstring>

#include <nlohmann/json.hpp>

#include "core/nn/initialization.h"
#include "launch/run/host_weights.h"
#include "tests/launch/program_fixture.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class EncodeProgram : public ProgramFixture {
 protected:
  EncodeProgram() {
    config_.vocab_size = 10;
    config_.layers = 2;
    config_.hidden = 8;
    config_.heads = 2;
    config_.intermediate = 16;
    config_.max_positions = 8;
    config_.init_range = 0.5;
    HostWeights weights(config_);
    initialize(weights.store, config_, 7);
    export_huggingface(
        directory_ / "model",
        {config_, weights.store, view_of(std::span<const float>(weights.values)), vocabulary_, {}});
    write("in.txt", "a b a b\nc\n\na b c . a b c . a b c .\nb a\n");
  }

  // A model without pooler and heads, as many on the internet are.
  void export_bare(const std::string& name) const {
    ParameterStore store;
    const Encoder encoder(config_, store);
    std::vector<float> values(static_cast<std::size_t>(store.flat_elements()), 0.25f);
    export_huggingface(directory_ / name,
                       {config_, store, view_of(std::span<const float>(values)), vocabulary_, {}});
  }

  std::vector<std::vector<float>> vectors(const std::string& name) const {
    std::vector<std::vector<float>> rows;
    std::istringstream lines(read(name));
    for (std::string line; std::getline(lines, line);) {
      const json object = json::parse(line);
      rows.push_back(object.is_null() ? std::vector<float>()
                                      : object["vector"].get<std::vector<float>>());
    }
    return rows;
  }

  // The values behind a header that must be `shape`'s, byte for byte.
  std::vector<float> npy(const std::string& name, const std::string& shape) const {
    const std::string bytes = read(name);
    std::string header("\x93NUMPY\x01\x00\x76\x00", 10);
    header += "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
    header.resize(127, ' ');
    EXPECT_EQ(bytes.substr(0, 128), header + '\n');
    std::vector<float> values((bytes.size() - 128) / sizeof(float));
    std::memcpy(values.data(), bytes.data() + 128, values.size() * sizeof(float));
    return values;
  }

  const std::string vocabulary_ = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n.\nd\n";
  ModelConfig config_;
};

TEST_F(EncodeProgram, OneVectorALineInTheOrderOfTheLines) {
  const Ended ended = run("encode model --in in.txt --out a.jsonl --batch-tokens 8");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("8 columns, mean of layer 2 of 2\n"));
  EXPECT_THAT(ended.output, HasSubstr("5, 23 tokens, 1 cut at 8 tokens\n"));
  const auto all = vectors("a.jsonl");
  ASSERT_EQ(all.size(), 5u);
  write("one.txt", "b a\n");
  ASSERT_EQ(run("encode model --in one.txt --out b.jsonl").code, 0);
  for (std::size_t c = 0; c < 8; ++c) EXPECT_NEAR(all[4][c], vectors("b.jsonl")[0][c], 1e-6);

  const Ended npy_run = run("encode model --in in.txt --out a.npy --json");
  ASSERT_EQ(npy_run.code, 0) << npy_run.errors;
  const auto values = npy("a.npy", "(5, 8)");
  for (std::size_t i = 0; i < 40; ++i) EXPECT_NEAR(values[i], all[i / 8][i % 8], 1e-6);
  EXPECT_EQ(json::parse(npy_run.output)["cut_texts"], 1);
}

TEST_F(EncodeProgram, ProductsInBf16AreCloseOrRefused) {
  ASSERT_EQ(run("encode model --in in.txt --out wide.npy").code, 0);
  const Ended narrow = run("encode model --in in.txt --out narrow.npy --products bf16 --json");
  if (narrow.code == 4) {  // a processor without them
    EXPECT_THAT(narrow.errors, HasSubstr("products in bf16: expected a processor"));
    return;
  }
  ASSERT_EQ(narrow.code, 0) << narrow.errors;

  const auto a = npy("wide.npy", "(5, 8)"), b = npy("narrow.npy", "(5, 8)");
  EXPECT_EQ(json::parse(narrow.output)["products"], "bf16");
  EXPECT_NE(a, b);
  for (std::size_t row = 0; row < 5; ++row) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t c = 8 * row; c < 8 * row + 8; ++c) {
      ab += a[c] * b[c];
      aa += a[c] * a[c];
      bb += b[c] * b[c];
    }
    EXPECT_GT(ab / std::sqrt(aa * bb), 0.9999) << row;
  }
}

TEST_F(EncodeProgram, LayersFollowEachOtherAndTokensHaveTheirOwn) {
  ASSERT_EQ(run("encode model --in in.txt --out a.npy --layers -2,-1 --pool cls").code, 0);
  ASSERT_EQ(run("encode model --in in.txt --out t.npy --pool tokens --layers=-1").code, 0);
  ASSERT_EQ(run("encode model --in in.txt --out t.jsonl --pool tokens").code, 0);

  const auto cls = npy("a.npy", "(5, 16)");
  const auto tokens = npy("t.npy", "(23, 8)");
  for (std::size_t c = 0; c < 8; ++c) EXPECT_NEAR(cls[8 + c], tokens[c], 1e-6);
  std::int64_t offsets[6];
  const std::string bytes = read("t.offsets.npy");
  ASSERT_EQ(bytes.size(), 128 + sizeof(offsets));
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<i8', 'fortran_order': False, 'shape': (6,), }"));
  std::memcpy(offsets, bytes.data() + 128, sizeof(offsets));
  EXPECT_THAT(offsets, ::testing::ElementsAre(0, 6, 9, 11, 19, 23));
  const json first = json::parse(read("t.jsonl").substr(0, read("t.jsonl").find('\n')));
  EXPECT_EQ(first["tokens"], json({"[CLS]", "a", "b", "a", "b", "[SEP]"}));
  EXPECT_EQ(first["vectors"].size(), 6u);
}

TEST_F(EncodeProgram, BadLinesKeepTheirPlaceAndAreNamed) {
  write("in.jsonl", "{\"text\":\"a b\"}\n{\"body\":1}\n{\"text\":\"c\"}\n");

  const Ended ended = run("encode model --in in.jsonl --out a.jsonl");
  ASSERT_EQ(run("encode model --in in.jsonl --out a.npy").code, 3);

  EXPECT_EQ(ended.code, 3) << ended.errors;
  EXPECT_EQ(ended.errors,
            "note: 1 bad lines became null\n  in.jsonl:2: the line has no field 'text'\n");
  EXPECT_EQ(vectors("a.jsonl")[1].size(), 0u);
  EXPECT_EQ(vectors("a.jsonl")[2].size(), 8u);
  EXPECT_TRUE(std::isnan(npy("a.npy", "(3, 8)")[8]));
}

TEST_F(EncodeProgram, EachFileIsReadAsItsNameSays) {
  write("lines.txt", "a b\nc\n");
  write("rows.jsonl", "{\"text\":\"a b\"}\n");

  const Ended ended = run("encode model --in lines.txt rows.jsonl --out a.jsonl");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  const auto all = vectors("a.jsonl");
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t c = 0; c < 8; ++c) EXPECT_NEAR(all[0][c], all[2][c], 1e-6);
  EXPECT_EQ(run("encode model --in lines.txt rows.jsonl --field text --out b.jsonl").code, 3);
}

TEST_F(EncodeProgram, TakesAModelWithoutHeadsAndObeysItsModules) {
  export_bare("bare");
  write("bare/modules.json",
        "[{\"path\": \"\", \"type\": \"x.Transformer\"}, {\"path\": \"p\", \"type\": \"x.Pooling\"}"
        ", {\"path\": \"n\", \"type\": \"x.Normalize\"}]");
  std::filesystem::create_directory(directory_ / "bare/p");
  write("bare/p/config.json", "{\"pooling_mode_cls_token\": true}");
  write("bare/sentence_bert_config.json", "{\"max_seq_length\": 4}");

  const Ended ended = run("encode bare --in in.txt --out a.jsonl");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("cls of layer 2 of 2, length 1\n"));
  EXPECT_THAT(ended.output, HasSubstr("cut at 4 tokens"));
}

TEST_F(EncodeProgram, SaysWhatItCannotDo) {
  const auto refusal = [&](const std::string& arguments, int code) {
    const Ended ended = run("encode " + arguments);
    EXPECT_EQ(ended.code, code) << arguments;
    return ended.errors;
  };
  EXPECT_THAT(refusal("model --in in.txt --out a.csv", 2),
              HasSubstr("'a.csv' ends in '.csv'; expected a name that ends in .npy (NumPy) or "
                        ".jsonl"));
  EXPECT_THAT(refusal("model --in gone.txt --out a.npy", 3),
              HasSubstr("--in: gone.txt does not exist"));
  EXPECT_THAT(refusal("nowhere --in in.txt --out a.npy", 3), HasSubstr("nowhere"));
  EXPECT_THAT(refusal("model --in in.txt --out a.npy --layers 3", 2),
              HasSubstr("there is no layer 3"));
  EXPECT_THAT(refusal("model --in in.txt --out a.npy --max-length 9", 2),
              HasSubstr("--max-length is 9, the model has positions for 8"));
  EXPECT_THAT(refusal("model --in in.txt --out a.npy --pool sum", 2), HasSubstr("--pool"));
  EXPECT_THAT(refusal("model --in in.txt --out no/where/a.npy", 74), HasSubstr("no/where"));
  std::filesystem::remove(directory_ / "model/vocab.txt");
  EXPECT_THAT(refusal("model --in in.txt --out a.npy", 3),
              HasSubstr("there is no vocab.txt and no tokenizer.json"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "a.npy"));
}

TEST_F(EncodeProgram, LeavesNothingBehindWhenItIsStopped) {
  const std::string script =
      "cd '" + directory_.path().string() +
      "'; yes 'a few words' | '" BERTYARD_PROGRAM
      "' encode model --in - --out a.npy 2>err.txt & encode=$!; "
      "for i in $(seq 600); do ls -A | grep -q '^\\.tmp-a' && break; sleep 0.1; done; "
      "ls -A | grep -c '^\\.tmp-a' >seen.txt; kill -TERM $encode; wait $encode";
  const int status = std::system(script.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 143);
  EXPECT_EQ(read("seen.txt"), "1\n");
  EXPECT_THAT(read("err.txt"), HasSubstr("encode: stopped by a signal; nothing was written"));
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("a.npy")));
  }
}

TEST_F(EncodeProgram, FillMaskGivesTheLikeliestWords) {
  const Ended ended = run("fill-mask model 'a [MASK] c [MASK]' --top 3 --json");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  const json masks = json::parse(ended.output)["masks"];
  ASSERT_EQ(masks.size(), 2u);
  EXPECT_EQ(masks[0]["token"], 2);
  EXPECT_EQ(masks[1]["token"], 4);
  ASSERT_EQ(masks[0]["words"].size(), 3u);
  EXPECT_GE(masks[0]["words"][0]["probability"], masks[0]["words"][1]["probability"]);
  double sum = 0;
  const json all = json::parse(run("fill-mask model 'a [MASK]' --top 99 --json").output);
  for (const json& word : all["masks"][0]["words"]) sum += word["probability"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_THAT(run("fill-mask model 'a [MASK]' --top 1").output, HasSubstr("a [MASK]\n  0."));
}

TEST_F(EncodeProgram, FillMaskSaysWhatIsMissing) {
  export_bare("bare");
  EXPECT_EQ(run("fill-mask model '[MASK]' --top 1").code, 0);
  EXPECT_THAT(run("fill-mask model '[MASK] a, c [MASK]' --top 1").output,
              HasSubstr("[MASK] a, c [MASK]\n"));
  EXPECT_EQ(run("fill-mask model $'\\377 [MASK]' --json").code, 0);
  const Ended pool = run("encode model --in t.txt --out o.npy --pool foo");
  EXPECT_EQ(pool.code, 2);
  EXPECT_THAT(pool.errors,
              HasSubstr("--pool: 'foo' is not one of cls|max|mean|tokens; see 'bertyard "
                        "encode --help'"));
  const Ended no_mask = run("fill-mask model 'a b'");
  EXPECT_EQ(no_mask.code, 2);
  EXPECT_EQ(no_mask.errors,
            "error: the text 'a b' has no [MASK]; put one where a word is wanted\n");
  const Ended no_head = run("fill-mask bare 'a [MASK]'");
  EXPECT_EQ(no_head.code, 3);
  EXPECT_THAT(no_head.errors, HasSubstr("the model has no masked-language-model head"));
  const Ended long_text = run("fill-mask model 'a a a a a a [MASK]'");
  EXPECT_EQ(long_text.code, 2);
  EXPECT_THAT(long_text.errors,
              HasSubstr("a text has 9 tokens with [CLS] and [SEP], the model has positions for 8"));
}

}  // namespace
}  // namespace bertyard
