// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/prepare.h"

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/prepare/split_corpus.h"
#include "data/samples/masking.h"
#include "data/shards/open_samples.h"
#include "data/text/text_paths.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Vocabulary letters() {
  std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (char c = 'a'; c <= 'y'; ++c) {  // no z: a word with one becomes [UNK]
    tokens.emplace_back(1, c);
    tokens.push_back("##" + std::string(1, c));
  }
  return Vocabulary(tokens);
}

std::string random_text(int documents, std::uint64_t seed) {
  PhiloxSequence draws(seed, RandomPurpose::initialization, 0, 0);
  std::string text;
  for (int d = 0; d < documents; ++d) {
    const std::uint32_t sentences = draws.next_in(2, 12);
    for (std::uint32_t s = 0; s < sentences; ++s) {
      const std::uint32_t words = draws.next_in(1, 6);
      for (std::uint32_t w = 0; w < words; ++w) {
        const std::uint32_t length = draws.next_in(1, 4);
        for (std::uint32_t c = 0; c < length; ++c) {
          text += static_cast<char>('a' + draws.next_below(26));
        }
        text += ' ';
      }
      text += '\n';
    }
    text += '\n';
  }
  return text;
}

class Prepare : public ::testing::Test {
 protected:
  Prepare() {
    write_text(random_text(120, 1));
    options_.corpus.text = {(directory_ / "corpus.txt").string()};
    options_.corpus.held_out = 0.1;
    options_.samples.out = (directory_ / "out").string();
    options_.samples.max_length = 48;
    options_.seed = 7;
  }

  void write_text(const std::string& text) { std::ofstream(directory_ / "corpus.txt") << text; }
  PrepareReport run() const { return prepare(options_, vocabulary_); }

  // Every file under the output directory with its bytes.
  std::map<std::string, std::string> output() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.samples.out)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      files[std::filesystem::relative(entry.path(), options_.samples.out).string()] = {
          std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }
    return files;
  }

  std::string error_text() const {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  testing::TemporaryDirectory directory_;
  Vocabulary vocabulary_ = letters();
  PrepareOptions options_;
};

TEST_F(Prepare, MakesBothPartsAndCountsThem) {
  const PrepareReport report = run();

  EXPECT_EQ(report.outcome, PrepareOutcome::made);
  EXPECT_EQ(report.corpus.documents, 120u);
  EXPECT_EQ(report.train_counts.documents + report.valid_counts.documents, 120u);
  EXPECT_NEAR(static_cast<double>(report.valid_counts.documents), 12, 10);
  EXPECT_GT(report.unknown_rate(), 0.01);
  const auto train =
      open_samples(report.train, {.vocabulary_hash = vocabulary_.hash(), .vocabulary_size = 55});
  EXPECT_EQ(train->size(), report.train_counts.samples);
  EXPECT_EQ(train->properties().tokens, report.train_counts.sample_tokens);
  EXPECT_EQ(train->properties().masks, MaskTime::training);
  EXPECT_NO_THROW(train->verify());
  const auto valid = open_samples(report.valid);
  EXPECT_EQ(valid->properties().masks, MaskTime::prepare);
  EXPECT_NO_THROW(valid->verify());
}

TEST_F(Prepare, SameInputSameBytes) {
  options_.samples.mask.when = MaskTime::prepare;
  options_.samples.duplicate = 3;
  run();
  const auto first = output();
  std::filesystem::remove_all(options_.samples.out);

  run();

  EXPECT_EQ(output(), first);
  EXPECT_EQ(first.size(), 5u);  // two manifests, two shards, unigram.bin
}

TEST_F(Prepare, AFinishedOutputIsKeptAndAChangedOneIsMadeAgain) {
  const PrepareReport first = run();

  const PrepareReport again = run();

  EXPECT_EQ(again.outcome, PrepareOutcome::already_there);
  EXPECT_EQ(again.train_counts, first.train_counts);
  EXPECT_EQ(again.valid_counts, first.valid_counts);
  EXPECT_EQ(again.valid, first.valid);

  options_.seed = 8;
  EXPECT_EQ(run().outcome, PrepareOutcome::made);
  write_text(random_text(121, 1));
  EXPECT_EQ(run().outcome, PrepareOutcome::made);
  options_.corpus.held_out = 0.2;
  EXPECT_EQ(run().outcome, PrepareOutcome::made);
  options_.tokenizer.max_word_characters = 3;
  EXPECT_EQ(run().outcome, PrepareOutcome::made);
  EXPECT_EQ(run().outcome, PrepareOutcome::already_there);
}

TEST_F(Prepare, WhatAKilledRunLeftIsReplaced) {
  run();
  const auto whole = output();
  const std::filesystem::path out = options_.samples.out;
  // As a kill leaves it: no valid part, a half-written one beside it, a torn shard.
  std::filesystem::remove_all(out / "valid");
  std::filesystem::create_directories(out / "valid.tmp-prepare");
  std::ofstream(out / "valid.tmp-prepare" / "shard-00000.h5.tmp-77") << "torn";
  std::filesystem::resize_file(out / "train" / "shard-00000.h5", 1000);

  EXPECT_EQ(run().outcome, PrepareOutcome::made);

  EXPECT_EQ(output(), whole);
}

TEST_F(Prepare, AMissingOrDamagedManifestIsMadeAgain) {
  run();
  const auto whole = output();
  const std::filesystem::path out = options_.samples.out;
  std::filesystem::remove(out / "train" / "manifest.json");
  EXPECT_EQ(run().outcome, PrepareOutcome::made);
  std::ofstream(out / "valid" / "manifest.json") << "{";
  EXPECT_EQ(run().outcome, PrepareOutcome::made);
  EXPECT_EQ(output(), whole);
}

TEST_F(Prepare, ADirectoryWithOtherFilesIsRefused) {
  std::filesystem::create_directories(std::filesystem::path(options_.samples.out) / "train");
  std::ofstream(std::filesystem::path(options_.samples.out) / "train" / "thesis.txt") << "mine";

  EXPECT_THAT(error_text(), AllOf(HasSubstr("thesis.txt"), HasSubstr("samples.out")));
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(options_.samples.out) / "train" /
                                      "thesis.txt"));
}

TEST_F(Prepare, ShardsEndAtTheirSize) {
  options_.samples.shard_bytes = 2000;

  const PrepareReport report = run();

  const Manifest manifest = read_manifest(report.train);
  ASSERT_GT(manifest.shards.size(), 3u);
  const auto train = open_samples(report.train);
  EXPECT_EQ(train->size(), report.train_counts.samples);
  EXPECT_NO_THROW(train->verify());
}

TEST_F(Prepare, UnigramCountsAreThoseOfTheSamples) {
  const PrepareReport report = run();
  const std::vector<std::uint64_t> counts = read_unigram(report.train, read_manifest(report.train));

  std::vector<std::uint64_t> expected(vocabulary_.size(), 0);
  const auto train = open_samples(report.train);
  StoredSample sample;
  for (std::uint64_t i = 0; i < train->size(); ++i) {
    train->read(i, sample);
    for (const std::uint32_t token : sample.tokens) ++expected[token];
  }
  expected[vocabulary_.special().cls] = expected[vocabulary_.special().sep] = 0;
  EXPECT_EQ(counts, expected);
}

TEST_F(Prepare, NoTrainingTextIsHeldOut) {
  write_text(random_text(40, 2) + random_text(40, 2));  // every document twice
  options_.corpus.held_out = 0.3;

  const PrepareReport report = run();

  EXPECT_EQ(report.train_counts.documents % 2, 0u);
  EXPECT_EQ(report.valid_counts.documents % 2, 0u);
}

TEST_F(Prepare, DuplicatesAreOtherSamples) {
  const std::uint64_t once = run().train_counts.samples;
  options_.samples.duplicate = 4;
  const std::uint64_t four_times = run().train_counts.samples;

  EXPECT_NEAR(static_cast<double>(four_times), 4.0 * static_cast<double>(once),
              0.2 * static_cast<double>(four_times));
}

TEST_F(Prepare, TooFewDocumentsAreAnError) {
  write_text("a b c\nd e f\n");
  options_.corpus.held_out = 0;
  EXPECT_THAT(error_text(), AllOf(HasSubstr("training part has 1 document(s), needs 2"),
                                  HasSubstr("corpus.layout")));

  options_.samples.next_sentence = NextSentence::none;
  EXPECT_EQ(run().outcome, PrepareOutcome::made);

  write_text(random_text(10, 1));
  options_.corpus.held_out = 1e-6;
  EXPECT_THAT(error_text(), HasSubstr("held-out part has 0 document(s), needs 1"));
}

// 8 MiB for a document and 1 MiB for a line bound the memory elsewhere.
TEST_F(Prepare, ReferenceModeCutsNeitherDocumentsNorLines) {
  std::string line;
  while (line.size() < (3u << 19)) line += "abcdefghijkl ";
  std::string text;
  for (int i = 0; i < 6; ++i) text += line + '\n';
  write_text(text + "\na b.\n");
  options_.corpus.held_out = 0;
  const SplitCorpus ours = read_split_corpus(options_, vocabulary_, nullptr);
  EXPECT_EQ(ours.counts.cut_documents, 1u);
  EXPECT_EQ(ours.counts.cut_lines, 6u);
  options_.samples.sampling = Sampling::google;

  const SplitCorpus split = read_split_corpus(options_, vocabulary_, nullptr);

  EXPECT_EQ(split.counts.cut_documents, 0u);
  EXPECT_EQ(split.counts.cut_lines, 0u);
  ASSERT_EQ(split.train.corpus.document_count(), 2u);
  EXPECT_EQ(split.train.corpus.sentences_in(0), 6u);
  EXPECT_EQ(split.train.corpus.sentences_in(1), 1u);
}

TEST_F(Prepare, OptionsWithoutSenseAreRefused) {
  options_.samples.duplicate = 0;
  EXPECT_THAT(error_text(), HasSubstr("duplicate is 0"));
  options_.samples.duplicate = 1;
  options_.corpus.held_out = 1;
  EXPECT_THAT(error_text(), HasSubstr("held_out is 1"));
  options_.corpus.held_out = 0.1;
  options_.samples.out = "";
  EXPECT_THAT(error_text(), HasSubstr("samples.out is empty"));
}

TEST_F(Prepare, AnOutputThatCannotBeMadeIsAnInputOutputError) {
  options_.samples.out = (directory_ / "corpus.txt" / "out").string();  // below a file
  try {
    run();
    FAIL() << "no error";
  } catch (const IoError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::input_output);
    EXPECT_THAT(error.what(), HasSubstr("corpus.txt/out"));
  }
}

TEST_F(Prepare, ShowsSamplesWithMasksAndLabels) {
  const PrepareReport report = run();
  const auto valid = open_samples(report.valid);

  const std::string text = show_samples(*valid, vocabulary_, nullptr, 0, 2);

  EXPECT_THAT(text, AllOf(HasSubstr("sample 0:"), HasSubstr("sample 1:"), HasSubstr("A: [CLS]"),
                          HasSubstr("\n  B: "), HasSubstr("next sentence: "), HasSubstr("labels: "),
                          HasSubstr("[MASK]"), HasSubstr(" as [MASK]")));
  const auto train = open_samples(report.train);
  const Masker masker(options_.samples.mask, mask_vocabulary(vocabulary_));
  EXPECT_THAT(show_samples(*train, vocabulary_, &masker, 1, 1), HasSubstr("as [MASK]"));
}

}  // namespace
}  // namespace bertyard
