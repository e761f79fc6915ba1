// SPDX-License-Identifier: Apache-2.0
#include "data/shards/manifest.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;

Manifest full_manifest() {
  Manifest manifest;
  manifest.parameters = {.part = CorpusPart::valid,
                         .seed = 0xFFFFFFFFFFFFFFFFu,
                         .source_hash = 1,
                         .vocabulary_hash = 0xFEDCBA9876543210u,
                         .vocabulary_size = 3,
                         .tokenizer = {.lower_case = false, .strip_accents = true},
                         .sampling = Sampling::nvidia,
                         .max_length = 128,
                         .short_sequence = 0.1,
                         .next_sentence = NextSentence::none,
                         .duplicate = 5,
                         .mask = {.when = MaskTime::prepare, .unit = MaskUnit::word, .rate = 0.3},
                         .shard_bytes = 1u << 28,
                         .converted_from = "MLPerf packed layout"};
  manifest.counts = {1, 2, 3, 4, 30, 600, 7, 8};
  manifest.shards = {{"shard-00000.h5", 10, 200, 12345, {1, 2}},
                     {"shard-00001.h5", 20, 400, 99, {0xFFFFFFFFFFFFFFFFu}}};
  return manifest;
}

class ManifestFile : public ::testing::Test {
 protected:
  std::string text() const {
    std::ifstream file(directory_ / kManifestName);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::string error_with(const std::string& text) const {
    std::ofstream(directory_ / kManifestName) << text;
    try {
      read_manifest(directory_.path());
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  }
  std::string error_with_change(const std::string& from, const std::string& to) const {
    write_manifest(directory_.path(), full_manifest());
    std::string changed = text();
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return error_with(changed.replace(at, from.size(), to));
  }
  std::string error_of(const Manifest& manifest) const {
    write_manifest(directory_.path(), manifest);
    return error_with(text());
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(ManifestFile, ReadsWhatWasWritten) {
  Manifest manifest = full_manifest();
  write_manifest(directory_.path(), manifest);
  EXPECT_EQ(read_manifest(directory_.path()), manifest);

  manifest.unigram = write_unigram(directory_.path(), {5, 0, 7});
  manifest.parameters.tokenizer.strip_accents = std::nullopt;
  write_manifest(directory_.path(), manifest);
  EXPECT_EQ(read_manifest(directory_.path()), manifest);
  EXPECT_EQ(manifest.unigram->total, 12u);
  EXPECT_THAT(read_unigram(directory_.path(), manifest), ::testing::ElementsAre(5, 0, 7));
}

TEST_F(ManifestFile, DamageIsNamed) {
  EXPECT_THAT(error_with(""), HasSubstr("manifest.json: damaged"));
  EXPECT_THAT(error_with("[1, 2]"), HasSubstr("manifest.json: damaged"));
  EXPECT_THAT(error_with_change("\"samples\": 10", "\"samples\": 11"),
              HasSubstr("its checksum is wrong"));
  EXPECT_THAT(error_with_change("\"format_version\": 1", "\"format_version\": 9"),
              HasSubstr("format version 9, this program reads 1"));
  EXPECT_THAT(error_with_change("\"counts\"", "\"count\""), HasSubstr("checksum"));
}

TEST_F(ManifestFile, NamesOutsideTheDirectoryAreRefused) {
  Manifest manifest = full_manifest();
  for (const char* name : {"../x.h5", "/etc/passwd", "", ".hidden"}) {
    manifest.shards[0].file = name;
    EXPECT_THAT(error_of(manifest), HasSubstr("is not one beside the manifest"));
  }
}

TEST_F(ManifestFile, CountsMustAddUp) {
  Manifest manifest = full_manifest();
  ++manifest.counts.samples;
  EXPECT_THAT(error_of(manifest),
              HasSubstr("have 30 samples of 600 tokens together, its counts say 31 of 600"));
}

TEST_F(ManifestFile, DamagedUnigramCountsAreNamed) {
  Manifest manifest = full_manifest();
  const auto error = [&]() -> std::string {
    try {
      read_unigram(directory_.path(), manifest);
    } catch (const DataError& failure) {
      return failure.what();
    }
    return "no error";
  };
  EXPECT_THAT(error(), HasSubstr("names no unigram counts"));
  manifest.unigram = write_unigram(directory_.path(), {5, 0, 7});
  std::ofstream(directory_ / "unigram.bin") << std::string(24, 'x');
  EXPECT_THAT(error(), HasSubstr("unigram.bin: damaged"));
  std::filesystem::remove(directory_ / "unigram.bin");
  EXPECT_THAT(error(), HasSubstr("unigram.bin: missing"));
}

TEST(ShardParameterText, UnknownAndMissingValuesAreNamed) {
  const auto error = [](std::string_view from, std::string_view to) -> std::string {
    std::string json = to_json(full_manifest().parameters);
    json.replace(json.find(from), from.size(), to);
    try {
      parse_shard_parameters(json, "x.h5");
    } catch (const DataError& failure) {
      return failure.what();
    }
    return "no error";
  };
  EXPECT_THAT(error("\"word\"", "\"spin\""), HasSubstr("x.h5: 'unit' is 'spin'"));
  EXPECT_THAT(error("\"seed\"", "\"sead\""), HasSubstr("x.h5: the parameters are damaged"));
  EXPECT_THAT(error("\"max_length\":128", "\"max_length\":\"128\""),
              HasSubstr("'max_length' is \"128\", expected a whole number"));
  EXPECT_THAT(error("\"rate\":0.3", "\"rate\":1e300"), HasSubstr("is 1e+300, expected 0 to 1"));
  // Found by the fuzzer: no conversion of 1e36 to an integer.
  EXPECT_THAT(error("\"max_length\":128", "\"max_length\":1.6e36"),
              HasSubstr("'max_length' is 1.6e+36, expected a whole number from -2147483648 to"));
  EXPECT_THAT(error("\"duplicate\":5", "\"duplicate\":5000000000"),
              HasSubstr("'duplicate' is 5000000000, expected"));
  EXPECT_THAT(error("\"vocabulary_size\":3", "\"vocabulary_size\":-3"),
              HasSubstr("'vocabulary_size' is -3, expected a whole number from 0 to 4294967295"));
  EXPECT_THAT(error("0000000000000001", "000000000000001"), HasSubstr("16 hexadecimal digits"));
}

}  // namespace
}  // namespace bertyard
