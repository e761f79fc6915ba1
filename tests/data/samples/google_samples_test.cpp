// SPDX-License-Identifier: Apache-2.0
// Held against tests/peers/google_samples.py, which follows the program on CPython's own random:
// its committed output everywhere, and itself on real text where there is a Python.
#include "data/samples/google_samples.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/text/documents.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kGolden = fs::path(BERTYARD_SOURCE_DIR) / "tests/golden";
const fs::path kProgram = fs::path(BERTYARD_SOURCE_DIR) / "tests/peers/google_samples.py";

std::vector<std::uint32_t> ids_of(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::uint32_t>(words), {}};
}

TokenizedCorpus read_corpus(const fs::path& path) {
  TokenizedCorpus corpus;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) corpus.end_document(corpus.document_count());
    corpus.add_sentence(ids_of(line));
  }
  corpus.end_document(corpus.document_count());
  return corpus;
}

std::string joined(const std::vector<std::uint32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, " "));
}

// One line a sample, as the Python program prints it.
std::vector<std::string> lines_of(const TokenizedCorpus& corpus, const MaskVocabulary& vocabulary,
                                  const GoogleSampleOptions& options) {
  std::vector<std::string> lines;
  make_google_samples(
      corpus, vocabulary, options, [&](const Sample& sample, const MaskedTokens& masked) {
        lines.push_back(fmt::format("{}|{}|{}|{}|{}", joined(sample.tokens), sample.a_length,
                                    sample.is_random_next ? 1 : 0, joined(masked.positions),
                                    joined(masked.labels)));
      });
  return lines;
}

std::vector<std::string> lines_in(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

MaskVocabulary golden_vocabulary() {
  MaskVocabulary vocabulary{.size = 200, .mask = 3, .cls = 1, .sep = 2, .continues = {}};
  vocabulary.continues.assign(200, 0);
  for (const std::uint32_t id : ids_of(lines_in(kGolden / "google_pieces.txt").at(0))) {
    vocabulary.continues.at(id) = 1;
  }
  return vocabulary;
}

GoogleSampleOptions golden_options(MaskUnit unit, std::uint64_t seed) {
  return {.seed = seed,
          .max_length = 32,
          .duplicate = 3,
          .mask = {.when = MaskTime::prepare, .unit = unit, .max_predictions = 5}};
}

TEST(GoogleSamples, EqualTheCommittedOutputOfTheProgram) {
  const TokenizedCorpus corpus = read_corpus(kGolden / "google_corpus.txt");
  ASSERT_EQ(corpus.document_count(), 7u);

  EXPECT_EQ(lines_of(corpus, golden_vocabulary(), golden_options(MaskUnit::token, 12345)),
            lines_in(kGolden / "google_samples.txt"));
  EXPECT_EQ(lines_of(corpus, golden_vocabulary(), golden_options(MaskUnit::word, 8589934597)),
            lines_in(kGolden / "google_samples_words.txt"));
}

TEST(GoogleSamples, OneDocumentIsTakenAndNvidiaLabelsItTruly) {
  TokenizedCorpus corpus;
  for (std::uint32_t i = 0; i < 30; ++i) {
    corpus.add_sentence(std::vector<std::uint32_t>(6, 10 + i));
  }
  corpus.end_document(0);
  GoogleSampleOptions options = golden_options(MaskUnit::token, 1);

  const auto google = lines_of(corpus, golden_vocabulary(), options);
  options.rules = Sampling::nvidia;
  const auto nvidia = lines_of(corpus, golden_vocabulary(), options);

  // Everything but the labels is the same.
  int random = 0;
  ASSERT_EQ(google.size(), nvidia.size());
  for (std::size_t i = 0; i < google.size(); ++i) {
    std::string as_next = google[i];
    const std::size_t label = as_next.find('|', as_next.find('|') + 1) + 1;
    random += as_next[label] == '1' ? 1 : 0;
    as_next[label] = '0';
    EXPECT_EQ(nvidia[i], as_next);
  }
  EXPECT_GT(random, 5);
}

TEST(GoogleSamples, SettingsThatTheProgramDoesNotHaveAreRefused) {
  const auto message = [](Sampling rules, NextSentence next, const MaskOptions& mask) {
    try {
      check_google_settings(rules, next, mask);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  const MaskOptions fixed{.when = MaskTime::prepare};
  const MaskOptions words{.when = MaskTime::prepare, .unit = MaskUnit::word};
  const MaskOptions spans{.when = MaskTime::prepare, .unit = MaskUnit::span};

  EXPECT_EQ(message(Sampling::bertyard, NextSentence::sop, spans), "none");
  EXPECT_EQ(message(Sampling::google, NextSentence::nsp, words), "none");
  EXPECT_EQ(message(Sampling::nvidia, NextSentence::nsp, fixed), "none");
  EXPECT_THAT(message(Sampling::google, NextSentence::sop, fixed),
              HasSubstr("has no next_sentence: sop; use nsp"));
  EXPECT_THAT(message(Sampling::google, NextSentence::nsp, {}), HasSubstr("mask.when: prepare"));
  EXPECT_THAT(message(Sampling::google, NextSentence::nsp, spans), HasSubstr("mask.unit: span"));
  EXPECT_THAT(message(Sampling::nvidia, NextSentence::nsp, words), HasSubstr("mask.unit: word"));
}

// Real text, tokenised, as a file for the program.
class RealText : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("python3 -c '' 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3";
    BERTYARD_REQUIRE_TEST_DATA("text/en/sample_small");
    BERTYARD_REQUIRE_TEST_DATA("vocab/bert-base-uncased-vocab.txt");
    vocabulary_.emplace(
        Vocabulary::load(testing::test_data() / "vocab/bert-base-uncased-vocab.txt"));
    tokenize();
  }

  // Paragraphs a line; a document is eight of them, for books have few.
  void tokenize() {
    const Tokenizer tokenizer(*vocabulary_, {});
    CorpusOptions options;
    options.text = {(testing::test_data() / "text/en/sample_small").string()};
    options.layout = TextLayout::paragraphs;
    DocumentReader reader(options);
    std::ofstream file(directory_ / "corpus.txt");
    Document document;
    std::vector<std::uint32_t> ids;
    for (int count = 0; reader.next(document) && count < 1500; ++count) {
      for (const std::string& sentence : document.sentences) {
        ids.clear();
        tokenizer.tokenize(sentence, ids);
        corpus_.add_sentence(ids);
        if (!ids.empty()) file << joined(ids) << "\n";
      }
      if (count % 8 != 7) continue;
      corpus_.end_document(corpus_.document_count());
      file << "\n";
    }
    corpus_.end_document(corpus_.document_count());
    std::ofstream pieces(directory_ / "pieces.txt");
    for (std::uint32_t id = 0; id < vocabulary_->size(); ++id) {
      if (vocabulary_->token(id).starts_with("##")) pieces << id << " ";
    }
  }

  std::vector<std::string> oracle(const GoogleSampleOptions& options) const {
    const SpecialTokens& special = vocabulary_->special();
    std::string command = fmt::format(
        "cd '{}' && python3 '{}' corpus.txt --vocabulary-size {} --cls {} --sep {} --mask {} "
        "--seed {} --max-length {} --max-predictions {} --duplicate {} --short-sequence {}",
        directory_.path().string(), kProgram.string(), vocabulary_->size(), special.cls,
        special.sep, special.mask, options.seed, options.max_length, options.mask.max_predictions,
        options.duplicate, options.short_sequence);
    if (options.mask.unit == MaskUnit::word) command += " --pieces pieces.txt";
    if (options.rules == Sampling::nvidia) command += " --nvidia";
    EXPECT_EQ(std::system((command + " >samples.txt").c_str()), 0);
    return lines_in(directory_ / "samples.txt");
  }

  void compare(const GoogleSampleOptions& options) const {
    const auto expected = oracle(options);
    const auto found = lines_of(corpus_, mask_vocabulary(*vocabulary_), options);
    ASSERT_GT(expected.size(), 500u);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], expected[i]) << i;
  }

  testing::TemporaryDirectory directory_;
  std::optional<Vocabulary> vocabulary_;
  TokenizedCorpus corpus_;
};

TEST_F(RealText, EverySampleMaskAndLabelEqualsTheProgramS) {
  compare({.seed = 12345,
           .max_length = 128,
           .duplicate = 3,
           .mask = {.when = MaskTime::prepare, .max_predictions = 20}});
  compare({.seed = 42,
           .max_length = 512,
           .short_sequence = 0.5,
           .duplicate = 5,
           .mask = {.when = MaskTime::prepare, .max_predictions = 80}});
}

TEST_F(RealText, WholeWordsToo) {
  for (const std::uint64_t seed :
       {std::uint64_t{12345}, std::uint64_t{0}, std::uint64_t{1} << 50}) {
    compare({.seed = seed,
             .max_length = 128,
             .duplicate = 2,
             .mask = {.when = MaskTime::prepare, .unit = MaskUnit::word, .max_predictions = 20}});
  }
}

TEST_F(RealText, NvidiasCopyToo) {
  compare({.seed = 7,
           .rules = Sampling::nvidia,
           .max_length = 128,
           .duplicate = 2,
           .mask = {.when = MaskTime::prepare, .max_predictions = 20}});
}

}  // namespace
}  // namespace bertyard
