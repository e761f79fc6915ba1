// SPDX-License-Identifier: Apache-2.0
#include "data/shards/verify_samples.h"

#include <numeric>

#include "data/samples/masking.h"
#include "data/shards/hdf5_nvidia_writer.h"
#include "data/shards/open_samples.h"
#include "tests/data/made_shards.h"
#include "tests/data/shards/ragged_file.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> word_list() {
  std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  while (tokens.size() < 1000) tokens.push_back("word" + std::to_string(tokens.size()));
  return tokens;
}

// Shards as prepare makes them: [CLS] A [SEP] B [SEP], masked by the rules of their parameters.
class Verify : public Shard {
 protected:
  Verify() : vocabulary_(word_list()) {}

  void make(std::size_t count, const MaskOptions& masked_with = {}) {
    parameters_ = some_parameters(MaskTime::prepare);
    parameters_.vocabulary_hash = vocabulary_.hash();
    const Masker masker(masked_with, mask_vocabulary(vocabulary_));
    samples_ = random_samples(count, 1000);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::uint32_t>& tokens = samples_[i].sample.tokens;
      for (std::uint32_t& token : tokens) token = 5 + token % 995;
      tokens.front() = 2;
      tokens[samples_[i].sample.a_length - 1] = tokens.back() = 3;
      masker.mask(tokens, {1, kFixedMaskEpoch, i}, samples_[i].masked);
    }
    save();
  }
  void save() {
    entry_ = write_shard(file(), parameters_, samples_);
    manifest_ = manifest_of(parameters_, {entry_});
    for (const MaskedSample& made : samples_) {
      manifest_.counts.masked_tokens += made.masked.positions.size();
      manifest_.counts.random_next += made.sample.is_random_next ? 1 : 0;
    }
    write_manifest(directory_.path(), manifest_);
  }
  VerifyReport verify(const fs::path& path) const { return verify_samples(path, &vocabulary_); }
  std::vector<std::string> findings() const { return verify(directory_.path()).findings.texts(); }

  Vocabulary vocabulary_;
  Manifest manifest_;
};

TEST_F(Verify, SoundShardsHaveNoFindingAndTheirFiguresAreRight) {
  make(3000);

  for (const fs::path& path : {directory_.path(), file(), manifest()}) {
    const VerifyReport report = verify(path);
    EXPECT_THAT(report.findings.texts(), IsEmpty());
    EXPECT_THAT(report.warnings, IsEmpty());
    EXPECT_EQ(report.statistics.samples, 3000u);
    EXPECT_EQ(report.statistics.tokens, entry_.tokens);
    EXPECT_EQ(report.statistics.masked, manifest_.counts.masked_tokens);
    EXPECT_EQ(report.statistics.random_next, manifest_.counts.random_next);
    EXPECT_EQ(std::accumulate(report.statistics.lengths.begin(), report.statistics.lengths.end(),
                              std::uint64_t{0}),
              3000u);
    EXPECT_EQ(report.checked_blocks, 1u);
  }
}

TEST_F(Verify, WithoutAVocabularyTheIdOfMaskIsTakenFromTheSamples) {
  make(3000);

  const VerifyReport report = verify_samples(directory_.path(), nullptr);

  EXPECT_THAT(report.findings.texts(), IsEmpty());
  EXPECT_EQ(report.statistics.mask_id(nullptr), 4u);
}

TEST_F(Verify, EveryOneOfAThousandFlipsIsFoundByVerifyAndInTraining) {
  make(12000);  // two blocks
  ASSERT_GT(entry_.bytes, 1u << 20);
  PhiloxSequence draws(4, RandomPurpose::initialization, 0, 0);
  std::fstream shard(file(), std::ios::in | std::ios::out | std::ios::binary);
  for (int i = 0; i < 1000; ++i) {
    const auto at =
        static_cast<std::streamoff>(draws.next_below(static_cast<std::uint32_t>(entry_.bytes)));
    shard.seekg(at);
    const auto byte = static_cast<char>(shard.get());
    const auto put = [&](char value) {
      shard.seekp(at);
      shard.put(value).flush();
    };
    put(static_cast<char>(byte ^ (1 << draws.next_below(8))));

    EXPECT_THAT(findings(), Contains(HasSubstr("the file is damaged: bytes"))) << at;
    EXPECT_THAT(error_of([&] {
                  const auto source = open_samples(directory_.path());
                  StoredSample sample;
                  for (std::uint64_t s = 0; s < source->size(); ++s) source->read(s, sample);
                }),
                HasSubstr("the file is damaged: bytes"))
        << at;

    put(byte);
  }
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(Verify, EveryTruncationIsFoundByVerifyAndWhenOpened) {
  make(2000);
  PhiloxSequence draws(4, RandomPurpose::initialization, 0, 0);
  for (int i = 0; i < 200; ++i) {
    fs::copy_file(file(), directory_ / "whole.h5", fs::copy_options::overwrite_existing);
    fs::resize_file(file(), draws.next_below(static_cast<std::uint32_t>(entry_.bytes)));

    EXPECT_THAT(findings(), Not(IsEmpty()));
    EXPECT_NE(error_of([&] { open_samples(directory_.path()); }), "no DataError");

    fs::rename(directory_ / "whole.h5", file());
  }
}

TEST_F(Verify, EveryDamagedBlockAndEveryMissingShardIsNamed) {
  make(30000);
  ASSERT_GT(entry_.bytes, 2u << 20);
  overwrite(file(), 100, "x");
  overwrite(file(), (2u << 20) + 5, "x");
  ShardEntry missing = entry_;
  missing.file = "shard-00001.h5";
  write_manifest(directory_.path(), manifest_of(parameters_, {entry_, missing}));

  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("bytes 0 to 1048576"), HasSubstr("bytes 2097152 to"),
                          HasSubstr("2 of its 4 blocks are damaged"),
                          HasSubstr("shard-00001.h5: cannot be opened")));
}

TEST_F(Verify, WhatChecksumsDoNotTellIsFoundSampleBySample) {
  make(300);
  samples_[3].sample.tokens[0] = 7;
  samples_[4].sample.tokens.back() = 7;
  samples_[5].sample.tokens[1] = 3;
  samples_[6].sample.a_length = 2;
  samples_[7].masked = {};
  for (MaskedSample& made : samples_) {  // so that the masks stand on no damaged place
    if (&made < &samples_[3] || &made > &samples_[6]) continue;
    const std::size_t masks = made.masked.positions.size();
    made.masked = {};
    for (std::uint32_t at = 2; made.masked.positions.size() < masks; ++at) {
      if (made.sample.tokens[at] == 3) continue;
      made.masked.positions.push_back(at);
      made.masked.labels.push_back(made.sample.tokens[at] == 4 ? 9 : made.sample.tokens[at]);
    }
  }
  save();

  const auto found = findings();

  EXPECT_THAT(found, Contains(HasSubstr("sample 3: does not begin with [CLS]")));
  EXPECT_THAT(found, Contains(HasSubstr("sample 4: does not end with [SEP]")));
  EXPECT_THAT(found, Contains(HasSubstr("sample 5: a special token stands in the text")));
  EXPECT_THAT(found, Contains(HasSubstr("sample 6: there is no [SEP] at position 1")));
  EXPECT_THAT(found, Contains(HasSubstr("sample 7: 0 masks in")));
  EXPECT_EQ(found.size(), 5u);
}

TEST_F(Verify, RatesThatAreNotTheSettingsAreFound) {
  make(3000, {.replace = 0.7, .random = 0.2, .keep = 0.1});
  EXPECT_THAT(findings(), ElementsAre(AllOf(HasSubstr("% of the masked tokens are [MASK]"),
                                            HasSubstr("the settings say 80.00%"))));
  make(3000, {.replace = 0.8, .random = 0, .keep = 0.2});
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("are kept, the settings say 10.00%")));
}

TEST_F(Verify, LabelsOutOfBalanceAreFound) {
  make(3000);
  for (MaskedSample& made : samples_) made.sample.is_random_next = false;
  save();
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("0.0% of the pairs have a random B")));
  for (MaskedSample& made : samples_) made.sample.is_random_next = true;
  save();
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("every pair has a random B")));
  parameters_.next_sentence = NextSentence::sop;
  save();
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("100.0% of the pairs are swapped")));
}

TEST_F(Verify, AManifestThatMiscountsIsFound) {
  make(300);
  ++manifest_.counts.masked_tokens;
  write_manifest(directory_.path(), manifest_);
  EXPECT_THAT(findings(), ElementsAre(AllOf(HasSubstr("manifest.json: "),
                                            HasSubstr("masked tokens, the manifest says"))));
  overwrite(manifest(), 30, "#");
  EXPECT_THAT(findings(), Contains(HasSubstr("manifest.json: ")));
  EXPECT_THAT(verify(directory_.path()).warnings,
              Contains(HasSubstr("the manifest.json beside it cannot be read")));
}

TEST_F(Verify, ManyUnknownTokensAreAWarning) {
  make(300);
  for (MaskedSample& made : samples_) {
    for (std::uint32_t& label : made.masked.labels) label = 1;
  }
  save();

  const VerifyReport report = verify(directory_.path());

  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("of the tokens are [UNK]")));
}

TEST_F(Verify, AShardWithoutManifestIsReadWithAWarning) {
  make(300);
  fs::remove(manifest());

  for (const fs::path& path : {file(), directory_.path()}) {
    const VerifyReport report = verify(path);
    EXPECT_THAT(report.warnings, Contains(HasSubstr("its checksums cannot be checked")));
    EXPECT_EQ(report.statistics.samples, 300u);
  }
  poke<std::uint16_t>("tokens", 3, 1000);
  poke<std::uint16_t>("a_length", 200, 1);
  EXPECT_THAT(verify(file()).findings.texts(),
              ElementsAre(HasSubstr("sample 0: token id 1000"), HasSubstr("sample 200: a_length")));
}

TEST_F(Verify, OtherProgramsFilesAreVerifiedToo) {
  const fs::path golden = fs::path(BERTYARD_SOURCE_DIR) / "tests/golden";
  for (const char* name :
       {"mlperf_packed.hdf5", "mlperf_variable.hdf5", "nvidia_training_0.hdf5"}) {
    const VerifyReport report = verify_samples(golden / name, nullptr);
    EXPECT_THAT(report.findings.texts(), IsEmpty()) << name;
    EXPECT_GT(report.statistics.samples, 3u);
    EXPECT_THAT(report.warnings, Contains(HasSubstr("no checksums")));
  }
  std::ofstream(directory_ / "text.h5") << "no HDF5";
  EXPECT_THAT(verify_samples(directory_ / "text.h5", nullptr).findings.texts(),
              ElementsAre(HasSubstr("is no HDF5 file")));
  EXPECT_THAT(error_of([&] { verify_samples(directory_ / "none", nullptr); }),
              HasSubstr("none: does not exist"));
}

// The samples once more as another program would have left them.
class VerifyForeign : public Verify {
 protected:
  std::vector<std::string> foreign_findings(const Vocabulary* vocabulary) const {
    fs::create_directories(directory_ / "nvidia");
    const auto files =
        write_nvidia_files(*open_samples(directory_.path()), {.out = directory_ / "nvidia",
                                                              .max_length = 64,
                                                              .max_predictions = 64,
                                                              .samples_per_file = 4096});
    return verify_samples(files.at(0), vocabulary).findings.texts();
  }
  std::vector<std::string> foreign_findings() const { return foreign_findings(&vocabulary_); }
};

TEST_F(VerifyForeign, TheFormOfSamplesIsCheckedWithAVocabulary) {
  make(300);
  EXPECT_THAT(foreign_findings(), IsEmpty());
  for (std::size_t i = 3; i < 9; ++i) samples_[i].masked = {};
  samples_[3].sample.tokens[0] = 7;
  samples_[4].sample.tokens.back() = 7;
  samples_[5].sample.tokens[1] = 3;
  samples_[6].sample.a_length = 2;
  samples_[7].sample.tokens[1] = 0;
  const auto last = static_cast<std::uint32_t>(samples_[8].sample.tokens.size() - 1);
  samples_[8].sample.tokens[last] = 4;
  samples_[8].masked = {{last}, {3}};
  save();

  EXPECT_THAT(
      foreign_findings(),
      ElementsAre(HasSubstr("sample 3: does not begin with [CLS]"),
                  HasSubstr("sample 4: does not end with [SEP]"),
                  HasSubstr("sample 5: a special token stands in the text, at position 1"),
                  HasSubstr("sample 6: there is no [SEP] at position 1, where segment_ids put it"),
                  HasSubstr("sample 7: a special token stands in the text, at position 1"),
                  HasSubstr("sample 8: position " + std::to_string(last) + " is masked")));
  EXPECT_THAT(foreign_findings(nullptr), IsEmpty());
}

TEST_F(VerifyForeign, RatesFarFromBertsAreFoundAndSaidToBePerhapsIntended) {
  make(3000, {.rate = 0.4});
  EXPECT_THAT(foreign_findings(),
              ElementsAre(AllOf(HasSubstr("of the tokens are masked, BERT's default is 15%"),
                                HasSubstr("if that was the setting, nothing is wrong"))));
  make(3000, {.replace = 0.3, .random = 0.01, .keep = 0.69});
  EXPECT_THAT(foreign_findings(),
              ElementsAre(HasSubstr("of the masked tokens are [MASK], BERT's default is 80%"),
                          HasSubstr("of the masked tokens are random, BERT's default is 10%"),
                          HasSubstr("of the masked tokens are kept, BERT's default is 10%")));
  make(3000);
  for (MaskedSample& made : samples_) {
    for (std::size_t i = 0; i < made.masked.positions.size(); ++i) {
      made.sample.tokens[made.masked.positions[i]] = made.masked.labels[i];
    }
    made.masked = {};
  }
  save();
  EXPECT_THAT(foreign_findings(), ElementsAre(HasSubstr(": 0.0% of the tokens are masked")));
}

TEST_F(VerifyForeign, RatesOfAFewMasksSayNothing) {
  make(100, {.rate = 0.4});
  EXPECT_THAT(foreign_findings(), IsEmpty());
}

TEST(Findings, EachIsKeptOnceAndAThousandAtMost) {
  Findings findings;
  for (int i = 0; i < 3; ++i) findings.add("the same");
  EXPECT_THAT(findings.texts(), ElementsAre("the same"));
  for (int i = 0; i < 2000; ++i) findings.add(std::to_string(i));
  EXPECT_EQ(findings.texts().size(), 1000u);
  EXPECT_EQ(findings.more(), 1001u);
}

}  // namespace
}  // namespace bertyard
