// SPDX-License-Identifier: Apache-2.0
#include "core/base/hash.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/inspect/sample_figures.h"
#include "launch/verbs/verb_inspect.h"
#include "tests/data/made_shards.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// Shards whose vocabulary is known: [PAD], [UNK], [CLS], [SEP], [MASK] and 995 words.
class InspectSamplesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    while (tokens.size() < 1000) tokens.push_back("word" + std::to_string(tokens.size()));
    const Vocabulary vocabulary(tokens);
    vocabulary.save(directory_ / "vocab.txt");
    parameters_ = some_parameters(MaskTime::prepare);
    parameters_.vocabulary_hash = vocabulary.hash();
    std::filesystem::create_directory(shards());
    const auto entry =
        write_shard(shards() / "shard-00000.h5", parameters_, random_samples(200, 1000));
    Manifest manifest = manifest_of(parameters_, {entry});
    manifest.counts.documents = 1234;
    manifest.counts.text_tokens = 1000;
    manifest.counts.unknown_tokens = 5;
    write_manifest(shards(), manifest);
  }
  std::filesystem::path shards() const { return directory_ / "data"; }

  static std::string text(const std::string& path) {
    InspectOptions options;
    options.path = path;
    return inspect_text(options);
  }

  testing::TemporaryDirectory directory_;
  ShardParameters parameters_;
};

TEST_F(InspectSamplesTest, ADirectoryOfShards) {
  const std::string shown = text(shards());

  EXPECT_THAT(shown, AllOf(ContainsRegex("samples      200\n"), HasSubstr("documents  1,234\n"),
                           HasSubstr("1,000, 5 of them [UNK] (0.5%)"), HasSubstr("seed       42\n"),
                           HasSubstr("[MASK], "), ContainsRegex("\n  shard-00000.h5 +200 ")));
  EXPECT_EQ(text(shards() / "manifest.json"), shown);
}

TEST_F(InspectSamplesTest, OneShard) {
  EXPECT_THAT(
      text(shards() / "shard-00000.h5"),
      AllOf(HasSubstr("samples      200\n"), HasSubstr("made with"), Not(HasSubstr("documents"))));
}

TEST_F(InspectSamplesTest, SamplesAreDecodedWithTheVocabularyAbove) {
  InspectOptions options;
  options.path = shards();
  options.samples = 2;

  EXPECT_THAT(inspect_text(options),
              AllOf(HasSubstr("\nsample 1: "), Not(HasSubstr("sample 2: ")), HasSubstr(" word")));
}

TEST_F(InspectSamplesTest, RefusesToDecodeWithoutTheirVocabulary) {
  std::filesystem::rename(directory_ / "vocab.txt", directory_ / "elsewhere.txt");
  InspectOptions options;
  options.path = shards();
  options.samples = 2;

  EXPECT_THAT(testing::message_of<UsageError>([&] { inspect_text(options); }),
              HasSubstr("name it: --vocab vocab.txt"));
  Vocabulary({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}).save(directory_ / "other.txt");
  options.vocab = directory_ / "other.txt";
  EXPECT_THAT(
      testing::message_of<DataError>([&] { inspect_text(options); }),
      HasSubstr("were made with a vocabulary of hash " + hash_text(parameters_.vocabulary_hash)));
}

TEST_F(InspectSamplesTest, OptionsOfAnotherKindAreRefused) {
  InspectOptions options;
  options.path = shards();
  options.tensor = "x";
  InspectOptions other;
  other.path = directory_ / "vocab.txt";
  other.samples = 1;

  EXPECT_THAT(testing::message_of<UsageError>([&] { inspect_text(options); }),
              HasSubstr("--tensor: there are no tensors in "));
  EXPECT_THAT(testing::message_of<UsageError>([&] { inspect_text(other); }),
              HasSubstr("--samples: there are no samples in "));
}

TEST(InspectNvidiaTest, AFileInNvidiasLayout) {
  InspectOptions options;
  options.path = BERTYARD_SOURCE_DIR "/tests/golden/nvidia_training_0.hdf5";

  EXPECT_THAT(inspect_text(options),
              AllOf(HasSubstr("NVIDIA fixed layout"), HasSubstr("samples      5\n"),
                    HasSubstr("random next  60.0%"), HasSubstr("stored, 18.8% of the tokens")));
}

// [MASK] 4: one replaced, one kept, one randomized.
class FourTokens : public SampleSource {
 public:
  FourTokens() {
    properties_.samples = 3;
    properties_.max_length = 4;
    properties_.masks = MaskTime::prepare;
  }
  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t) const override { return {4, 4, 3}; }
  void read(std::uint64_t index, StoredSample& sample) const override {
    sample = StoredSample();
    sample.tokens = {4, 6, 7, 1};
    sample.mask_positions = {0, 1, 2};
    sample.mask_labels = {1, 6, 8};
    sample.is_random_next = index == 1;
  }
  void verify() const override {}

 private:
  SourceProperties properties_;
};

TEST(SampleFiguresTest, CountMasksByKindAndUnknownBeforeMasking) {
  const Vocabulary vocabulary({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});

  const SampleFigures figures = sample_figures(FourTokens(), 2, &vocabulary);

  EXPECT_EQ(figures.samples, 2u);
  EXPECT_EQ(figures.tokens, 8u);
  EXPECT_EQ(figures.masked, 6u);
  EXPECT_EQ(figures.replaced, 2u);
  EXPECT_EQ(figures.kept, 2u);
  EXPECT_EQ(figures.randomized, 2u);
  EXPECT_EQ(figures.unknown, 4u);
  EXPECT_EQ(figures.random_next, 1u);
}

}  // namespace
}  // namespace bertyard
