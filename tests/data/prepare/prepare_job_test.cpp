// SPDX-License-Identifier: Apache-2.0
// The job in stages against itself in other shares, and against building everything in memory.
#include "data/prepare/prepare_job.h"

#include <fstream>
#include <iterator>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/prepare/prepare_memory.h"
#include "data/shards/open_samples.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Files = std::map<std::string, std::string>;

Vocabulary letters() {
  std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (char c = 'a'; c <= 'z'; ++c) {
    tokens.emplace_back(1, c);
    tokens.push_back("##" + std::string(1, c));
  }
  return Vocabulary(tokens);
}

class PrepareJobs : public ::testing::Test {
 protected:
  PrepareJobs() {
    PhiloxSequence draws(3, RandomPurpose::initialization, 0, 0);
    std::ofstream file(directory_ / "corpus.txt");
    for (int d = 0; d < 150; ++d) {
      for (std::uint32_t s = draws.next_in(1, 12); s > 0; --s) {
        for (std::uint32_t w = draws.next_in(1, 9); w > 0; --w) {
          file << std::string(draws.next_in(1, 5), static_cast<char>('a' + draws.next_below(26)))
               << ' ';
        }
        file << '\n';
      }
      file << '\n';
    }
    options_.corpus.text = {(directory_ / "corpus.txt").string()};
    options_.corpus.held_out = 0.1;
    options_.samples.max_length = 40;
    options_.samples.duplicate = 2;
    options_.samples.shard_bytes = 6000;
    options_.unit_bytes = 2000;
    options_.seed = 11;
  }

  PrepareOptions options(const std::string& out, int threads = 1) const {
    PrepareOptions options = options_;
    options.samples.out = (directory_ / out).string();
    options.threads = threads;
    return options;
  }

  // As so many ranks would do it; those of an odd number first.
  PrepareReport run(const PrepareOptions& options, int world) const {
    PrepareJob(options, vocabulary_).open();
    for (int i = 0; i < world; ++i) PrepareJob(options, vocabulary_).run_text(share(i, world));
    for (int i = 0; i < world; ++i) PrepareJob(options, vocabulary_).run_shards(share(i, world));
    return PrepareJob(options, vocabulary_).finish();
  }
  static WorkShare share(int i, int world) { return {world - 1 - i, world}; }

  Files files(const std::string& out) const {
    Files files;
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / out)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      files[fs::relative(entry.path(), directory_ / out).string()] = {
          std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }
    return files;
  }

  testing::TemporaryDirectory directory_;
  Vocabulary vocabulary_ = letters();
  PrepareOptions options_;
};

TEST_F(PrepareJobs, RanksThreadsAndMemoryDoNotShowInTheBytes) {
  const PrepareReport report = run(options("one"), 1);
  const Files expected = files("one");
  ASSERT_GT(expected.size(), 8u);  // several shards
  EXPECT_EQ(report.corpus.documents, 150u);

  EXPECT_EQ(run(options("two"), 2).train_counts, report.train_counts);
  EXPECT_EQ(files("two"), expected);
  run(options("seven", 3), 7);
  EXPECT_EQ(files("seven"), expected);
  PrepareOptions small = options("small", 4);
  small.memory = std::uint64_t{200} << 20;
  run(small, 1);
  EXPECT_EQ(files("small"), expected);
}

struct Task {
  const char* name;
  NextSentence next_sentence;
  MaskTime when;
  MaskUnit unit;
};

// One shard holds everything, so that the order is that of the list in memory.
TEST_F(PrepareJobs, SamplesAreThoseOfTheCorpusInMemory) {
  for (const Task& task : {Task{"dynamic", NextSentence::nsp, MaskTime::training, MaskUnit::token},
                           Task{"static", NextSentence::nsp, MaskTime::prepare, MaskUnit::token},
                           Task{"order", NextSentence::sop, MaskTime::prepare, MaskUnit::span},
                           Task{"single", NextSentence::none, MaskTime::prepare, MaskUnit::word}}) {
    SCOPED_TRACE(task.name);
    PrepareOptions in_stages = options(task.name, 2);
    in_stages.samples.shard_bytes = std::uint64_t{1} << 30;
    in_stages.samples.next_sentence = task.next_sentence;
    in_stages.samples.mask.when = task.when;
    in_stages.samples.mask.unit = task.unit;
    const PrepareReport report = run(in_stages, 2);
    const Manifest manifest = read_manifest(report.train);

    PrepareOptions in_memory = in_stages;
    in_memory.samples.out = (directory_ / "reference").string();
    const Manifest expected = read_manifest(prepare_in_memory(in_memory, vocabulary_).train);

    EXPECT_EQ(manifest.parameters, expected.parameters);
    EXPECT_EQ(manifest.counts, expected.counts);
    EXPECT_EQ(manifest.shards, expected.shards);  // checksums of the bytes
    EXPECT_EQ(manifest.unigram, expected.unigram);
  }
}

TEST_F(PrepareJobs, WhatIsDoneStaysDoneAndWhatIsDamagedIsMadeAgain) {
  run(options("whole"), 1);
  const PrepareOptions killed = options("killed");
  const fs::path work = directory_ / "killed" / "work.tmp-prepare";
  PrepareJob job(killed, vocabulary_);
  job.open();
  job.run_text({0, 2});  // half of the text, then a kill
  const auto record = work / "text-000002.done";
  const auto time = fs::last_write_time(record);
  fs::resize_file(work / "text-000004.tokens", 10);
  fs::remove(work / "text-000006.tokens");
  std::ofstream(work / "text-000000.done") << "torn";

  PrepareJob(killed, vocabulary_).open();
  PrepareJob(killed, vocabulary_).run_text({});
  EXPECT_EQ(fs::last_write_time(record), time);
  PrepareJob(killed, vocabulary_).run_shards({1, 2});
  std::ofstream(directory_ / "killed" / "train.tmp-prepare" / "shard-00001.h5") << "torn";
  std::ofstream(directory_ / "killed" / "train.tmp-prepare" / "shard-00002.h5.tmp-99") << "torn";
  PrepareJob(killed, vocabulary_).open();
  PrepareJob(killed, vocabulary_).run_text({});
  PrepareJob(killed, vocabulary_).run_shards({});
  PrepareJob(killed, vocabulary_).finish();

  EXPECT_EQ(files("killed"), files("whole"));
}

TEST_F(PrepareJobs, AnotherTextOrSettingStartsAgain) {
  const PrepareOptions first = options("out");
  PrepareJob(first, vocabulary_).open();
  PrepareJob(first, vocabulary_).run_text({});
  PrepareOptions other = first;
  other.seed = 12;
  PrepareJob(other, vocabulary_).open();
  const fs::path work = directory_ / "out" / "work.tmp-prepare";
  EXPECT_FALSE(fs::exists(work / "text-000000.done"));

  try {
    PrepareJob(other, vocabulary_).run_shards({});
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("text-000000.done"), HasSubstr("prepare again")));
  }
}

TEST_F(PrepareJobs, RandomSentencesComeFromTheWholeCorpusAndNeverFromTheirOwnDocument) {
  // Every document has a letter of its own.
  std::ofstream file(directory_ / "corpus.txt");
  for (char c = 'a'; c <= 'z'; ++c) {
    for (int s = 0; s < 40; ++s) file << std::string(5, c) << ' ' << c << '\n';
    file << '\n';
  }
  file.close();
  options_.corpus.held_out = 0;
  options_.samples.short_sequence = 0;
  const PrepareReport report = run(options("out"), 3);
  const auto train = open_samples(report.train);
  StoredSample sample;
  std::map<std::uint32_t, int> drawn;
  for (std::uint64_t i = 0; i < train->size(); ++i) {
    train->read(i, sample);
    const std::uint32_t a = (sample.tokens[1] - 5) / 2;
    const std::uint32_t b = (sample.tokens[static_cast<std::size_t>(sample.a_length)] - 5) / 2;
    EXPECT_EQ(a != b, sample.is_random_next);
    if (a != b) ++drawn[b];
  }
  EXPECT_GT(drawn.size(), 20u);
}

// A document of one sentence always gets a random B, here as a rule one that fills the sample:
// ten times its own text.
TEST_F(PrepareJobs, ShardsOfShortDocumentsBeforeLongOnesKeepToTheirSize) {
  std::ofstream file(directory_ / "corpus.txt");
  for (int d = 0; d < 3000; ++d) file << "a b\n\n";
  for (int d = 0; d < 3000; ++d) {
    for (int s = 0; s < 12; ++s) file << "c d e f g h i j\n";
    file << '\n';
  }
  file.close();
  options_.samples.shard_bytes = 60000;
  options_.corpus.held_out = 0;
  const Manifest manifest = read_manifest(run(options("out"), 2).train);

  ASSERT_GT(manifest.shards.size(), 20u);
  for (const ShardEntry& shard : manifest.shards) {
    EXPECT_LT(static_cast<double>(shard.bytes), 1.2 * kLargestShard * 60000) << shard.file;
  }
}

TEST_F(PrepareJobs, SmallFilesAreReadTogetherAndMakeTheSameBytes) {
  options_.corpus.text = {(directory_ / "small").string()};
  options_.corpus.layout = TextLayout::jsonl;
  fs::create_directories(directory_ / "small");
  for (int i = 100; i < 160; ++i) {
    std::ofstream file(directory_ / "small" / std::to_string(i));
    file << "{\"text\":\"a b c. d e f " << static_cast<char>('a' + i % 26) << "\"}\n";
    if (i % 50 == 0) file << "no JSON\n";
    file << "{\"text\":\"x y " << std::string(static_cast<std::size_t>(i % 7 + 1), 'z') << "\"}\n";
  }
  options_.unit_bytes = 90;  // of one file
  run(options("alone"), 2);
  options_.unit_bytes = 1 << 20;
  PrepareJob job(options("together"), vocabulary_);
  job.open();
  job.run_text({});
  EXPECT_TRUE(fs::exists(directory_ / "together/work.tmp-prepare/text-000000.done"));
  EXPECT_FALSE(fs::exists(directory_ / "together/work.tmp-prepare/text-000001.done"));
  job.run_shards({});
  const PrepareReport report = job.finish();

  EXPECT_EQ(files("together"), files("alone"));
  ASSERT_EQ(report.faults.size(), 2u);
  EXPECT_THAT(report.faults[0], HasSubstr("small/100:2: the line is no JSON"));
  EXPECT_THAT(report.faults[1], HasSubstr("small/150:2: the line is no JSON"));
}

TEST_F(PrepareJobs, TheManifestSaysWhatWasRead) {
  run(options("out"), 2);
  const Manifest manifest = read_manifest(directory_ / "out" / "train");
  EXPECT_THAT(manifest.source,
              AllOf(HasSubstr("corpus.txt"), HasSubstr("\"documents\":150"), HasSubstr("xxh3")));
}

TEST(PrepareMemory, ThreadsFitIntoIt) {
  constexpr std::uint64_t kMiB = 1 << 20;
  EXPECT_EQ(text_threads(8, 1024 * kMiB, TextLayout::sentences), 8);
  EXPECT_EQ(text_threads(8, 320 * kMiB, TextLayout::sentences), 3);
  EXPECT_EQ(text_threads(8, 320 * kMiB, TextLayout::jsonl), 1);
  EXPECT_EQ(shard_threads(4, 2048 * kMiB, 256 * kMiB), 4);
  EXPECT_THAT([] { text_threads(1, 100 << 20, TextLayout::sentences); },
              ::testing::ThrowsMessage<UsageError>(
                  AllOf(HasSubstr("samples.memory is 100 MiB"), HasSubstr("needs 160 MiB"))));
  EXPECT_THAT([] { shard_threads(1, 512 << 20, 256 << 20); },
              ::testing::ThrowsMessage<UsageError>(
                  AllOf(HasSubstr("a shard of up to 256 MiB"), HasSubstr("samples.shard"))));

  const std::vector<WordCount> words(1 << 18, WordCount{"incomprehensible", 2});
  EXPECT_NO_THROW(check_learning_memory(words, 256 * kMiB));
  EXPECT_THAT([&] { check_learning_memory(words, 255 * kMiB); },
              ::testing::ThrowsMessage<UsageError>(AllOf(HasSubstr("samples.memory is 255 MiB"),
                                                         HasSubstr("262144 most frequent"),
                                                         HasSubstr("needs 256 MiB"))));
}

TEST_F(PrepareJobs, AMemoryThatCannotHoldTheShardsIsRefusedBeforeAnyWork) {
  PrepareOptions options = this->options("out");
  options.samples.shard_bytes = std::uint64_t{256} << 20;
  options.memory = std::uint64_t{900} << 20;
  EXPECT_NO_THROW(prepare(options, vocabulary_)) << "there is little text";
  fs::remove_all(options.samples.out);
  fs::resize_file(options.corpus.text[0], std::uint64_t{64} << 20);

  EXPECT_THAT([&] { prepare(options, vocabulary_); },
              ::testing::ThrowsMessage<UsageError>(
                  AllOf(HasSubstr("samples.memory is 900 MiB, building a shard of up to 448 MiB"),
                        HasSubstr("needs 1024 MiB"))));
  EXPECT_FALSE(fs::exists(options.samples.out));
}

}  // namespace
}  // namespace bertyard
