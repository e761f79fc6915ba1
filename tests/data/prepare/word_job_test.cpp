// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/word_job.h"

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/text/documents.h"
#include "data/tokenizer/word_runs.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(WordJob, CountsAreThoseOfTheTextForAnyShares) {
  const testing::TemporaryDirectory directory;
  {
    // More than two units' worth of text.
    std::ofstream file(directory / "text");
    PhiloxSequence draws(1, RandomPurpose::initialization, 0, 0);
    for (int i = 0; i < 1500000; ++i) {
      file << "w" << draws.next_below(1 + draws.next_below(5000)) << " \u00E9,"
           << (i % 9 == 0   ? "\n\n"
               : i % 3 == 0 ? "\n"
                            : " ");
    }
  }
  CorpusOptions corpus;
  corpus.text = {(directory / "text").string()};
  WordCounter counter{TokenizerOptions()};
  DocumentReader reader(corpus);
  for (Document document; reader.next(document);) {
    for (const std::string& sentence : document.sentences) counter.add(sentence);
  }
  for (const int world : {1, 3}) {
    const WordJob job(corpus, {}, directory / "work");
    job.open();
    for (int rank = world - 1; rank >= 0; --rank) job.run({rank, world}, 2, nullptr);
    EXPECT_EQ(job.counts(), counter.counts());
    job.close();
    EXPECT_FALSE(std::filesystem::exists(directory / "work"));
  }
}

TEST(WordJob, WordsThatWordPieceNeverCutsAreLeftOut) {
  const testing::TemporaryDirectory directory;
  const std::string longest(100, 'x'), beyond(101, 'x'), wide(2 << 20, 'A');
  std::string hangul;
  for (int i = 0; i < 100; ++i) hangul += "\uD55C";
  std::ofstream(directory / "text") << "{\"text\": \"a " << longest << ' ' << beyond << ' ' << wide
                                    << ' ' << hangul << "\"}\n{\"body\": 1}\n";
  CorpusOptions corpus;
  corpus.text = {(directory / "text").string()};
  corpus.layout = TextLayout::jsonl;
  TokenizerOptions words;
  words.lower_case = false;
  words.max_word_characters = 100;
  const WordJob job(corpus, words, directory / "work");
  job.open();
  job.run({0, 1}, 1, nullptr);

  EXPECT_THAT(job.counts(),
              ElementsAre(WordCount{"a", 1}, WordCount{longest, 1}, WordCount{hangul, 1}));
  EXPECT_EQ(job.first_fault(), (directory / "text").string() + ":2: the line has no field 'text'");
}

// As a kill or a full disk may leave them, and as a hand may: the same size, other bytes.
TEST(WordJob, RunsThatAreNotWhatWasWrittenAreCountedAgain) {
  const testing::TemporaryDirectory directory;
  CorpusOptions corpus;
  for (const char* name : {"a", "b", "c", "d"}) {
    corpus.text.push_back((directory / name).string());
    std::ofstream(directory / name) << "one two two " << name << '\n' << std::string(9 << 20, ' ');
  }
  const auto work = directory / "work";
  const WordJob job(corpus, {}, work);
  job.open();
  job.run({}, 1, nullptr);
  const auto expected = job.counts();
  ASSERT_EQ(expected.size(), 6u);
  std::vector<std::filesystem::path> runs;
  for (const auto& entry : std::filesystem::directory_iterator(work)) {
    if (entry.path().extension() == ".run" && file_size(entry) > 0) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());
  ASSERT_EQ(runs.size(), 4u);
  std::filesystem::resize_file(runs[0], 4);
  std::ofstream(runs[1]) << "";
  std::filesystem::remove(runs[2]);
  std::fstream(runs[3], std::ios::in | std::ios::out) << "z";

  const WordJob again(corpus, {}, work);
  again.open();
  again.run({}, 1, nullptr);

  EXPECT_EQ(again.counts(), expected);
}

TEST(WordJob, AMissingUnitIsAnError) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "text") << "a b\n";
  CorpusOptions corpus;
  corpus.text = {(directory / "text").string()};
  const WordJob job(corpus, {}, directory / "work");
  job.open();
  EXPECT_THAT([&] { job.counts(); },
              ::testing::ThrowsMessage<DataError>(HasSubstr("words-000000.done: missing")));
}

TEST(WordRuns, ManyAreMergedInRounds) {
  const testing::TemporaryDirectory directory;
  std::vector<std::filesystem::path> runs;
  for (std::uint64_t i = 0; i < 150; ++i) {
    runs.push_back(directory / std::to_string(i));
    write_word_run(runs.back(), {{"a", 1}, {"b" + std::to_string(i % 3), i}, {"z", 2}});
  }
  std::vector<WordCount> merged;
  merge_word_runs(runs, directory.path(), [&](std::string_view word, std::uint64_t count) {
    merged.push_back({std::string(word), count});
  });
  EXPECT_THAT(merged, ElementsAre(WordCount{"a", 150}, WordCount{"b0", 3675}, WordCount{"b1", 3725},
                                  WordCount{"b2", 3775}, WordCount{"z", 300}));
}

TEST(WordRuns, AFileThatIsNoneIsAnError) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "run") << "a 1\nb two\n";
  EXPECT_THAT([&] { merge_word_runs({directory / "run"}, directory.path(), [](auto, auto) {}); },
              ::testing::ThrowsMessage<DataError>(HasSubstr("run:2: no word and count")));
}

TEST(FrequentWords, AreTheSameInWhateverOrderTheyCome) {
  std::vector<WordCount> words;
  for (std::uint64_t i = 0; i < 1000; ++i) words.push_back({"w" + std::to_string(i), i % 7});
  FrequentWords one(10), two(10);
  for (const WordCount& word : words) one.add(word.word, word.count);
  for (auto word = words.rbegin(); word != words.rend(); ++word) two.add(word->word, word->count);
  const auto kept = one.take();
  EXPECT_EQ(kept, two.take());
  ASSERT_EQ(kept.size(), 10u);
  for (const WordCount& word : kept) EXPECT_EQ(word.count, 6u);
  EXPECT_EQ(kept.front().word, "w104");  // by text: w104, w111, w118, w125, w13, ...
}

}  // namespace
}  // namespace bertyard
