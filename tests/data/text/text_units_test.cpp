// SPDX-License-Identifier: Apache-2.0
#include "data/text/text_units.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/philox.h"
#include "data/text/documents.h"
#include "tests/support/compressed_text.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

struct Layout {
  const char* name;
  TextLayout layout;
  const char* document_start = "";
  std::int64_t skip_lines = 0;
};

// Lines as each layout may have them, blank ones, marks and bad ones among them.
std::string random_line(const Layout& layout, PhiloxSequence& draws) {
  const std::uint32_t kind = draws.next_below(8);
  std::string words = "Word" + std::to_string(draws.next_below(1000));
  for (std::uint32_t i = draws.next_below(12); i > 0; --i) words += i % 4 == 0 ? ". It" : " \u00E9";
  switch (layout.layout) {
    case TextLayout::sentences:
    case TextLayout::paragraphs:
      return kind < 3 ? (kind == 0 ? " \t" : "") : words + (kind == 3 ? "\x80\r" : "");
    case TextLayout::wrapped:
      return kind == 0 ? "" : kind == 1 ? ":mark: " + words : kind == 2 ? "-----" : words;
    case TextLayout::jsonl:
      return kind == 0 ? "" : kind == 1 ? "{\"text\":5}" : "{\"text\":\"" + words + "\\nB.\"}";
    case TextLayout::wikiextractor:
      return kind == 0   ? "<doc id=\"1\" title=\"" + words + "\">\n" + words
             : kind == 1 ? "</doc>"
                         : words;
  }
  return {};
}

class TextUnits : public ::testing::TestWithParam<Layout> {
 protected:
  CorpusOptions corpus(std::uint64_t seed) const {
    PhiloxSequence draws(seed, RandomPurpose::initialization, 0, 0);
    const auto path = directory_ / "text";
    std::ofstream file(path, std::ios::binary);
    for (int i = 0; i < 300; ++i) file << random_line(GetParam(), draws) << '\n';
    if (seed % 2 == 0) file << "the end has no line feed";
    CorpusOptions options;
    options.text = {path.string()};
    options.layout = GetParam().layout;
    options.document_start = GetParam().document_start;
    options.skip_lines = GetParam().skip_lines;
    return options;
  }

  testing::TemporaryDirectory directory_;
};

std::vector<std::vector<std::string>> read(DocumentReader& reader) {
  std::vector<std::vector<std::string>> documents;
  for (Document document; reader.next(document);) documents.push_back(document.sentences);
  return documents;
}

TEST_P(TextUnits, AreTogetherTheDocumentsOfTheFile) {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    const CorpusOptions options = corpus(seed);
    DocumentReader whole(options);
    const auto expected = read(whole);
    for (const std::uint64_t bytes : {7, 64, 500, 3000}) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", units of " << bytes);
      const auto units = plan_text_units(options, bytes);
      ASSERT_GT(units.size(), 1u);
      std::vector<std::vector<std::string>> found;
      CorpusCounts counts;
      for (const TextUnit& unit : units) {
        DocumentReader reader(options, unit);
        for (auto& document : read(reader)) found.push_back(std::move(document));
        counts += reader.counts();
      }
      ASSERT_EQ(found, expected);
      EXPECT_EQ(counts.lines, whole.counts().lines);
      EXPECT_EQ(counts.bytes, whole.counts().bytes);
      EXPECT_EQ(counts.files, 1u);
      EXPECT_EQ(counts.documents, whole.counts().documents);
      EXPECT_EQ(counts.invalid_utf8, whole.counts().invalid_utf8);
      EXPECT_EQ(counts.bad_lines, whole.counts().bad_lines);
      EXPECT_EQ(counts.lines_outside, whole.counts().lines_outside);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, TextUnits,
                         ::testing::Values(Layout{"sentences", TextLayout::sentences},
                                           Layout{"paragraphs", TextLayout::paragraphs},
                                           Layout{"skipping", TextLayout::sentences, "", 20},
                                           Layout{"wrapped", TextLayout::wrapped, "^:mark:"},
                                           Layout{"jsonl", TextLayout::jsonl},
                                           Layout{"wikiextractor", TextLayout::wikiextractor}),
                         [](const auto& layout) { return layout.param.name; });

TEST(TextUnitPlan, WhatCannotBeReadFromItsMiddleIsOneUnit) {
  const testing::TemporaryDirectory directory;
  const std::string text(1000, 'a');
  std::ofstream(directory / "a.gz", std::ios::binary) << testing::gzip(text);
  std::ofstream(directory / "b.txt") << text;
  std::ofstream(directory / "c.txt");
  CorpusOptions options;
  options.text = {directory.path().string()};

  const auto units = plan_text_units(options, 400);

  ASSERT_EQ(units.size(), 5u);
  EXPECT_EQ(units[0].end, TextUnit::kToTheEnd);
  EXPECT_EQ(units[1], (TextUnit{(directory / "b.txt").string(), 0, 400}));
  EXPECT_EQ(units[3], (TextUnit{(directory / "b.txt").string(), 800}));
  EXPECT_EQ(units[4].path, (directory / "c.txt").string());
  options.layout = TextLayout::wrapped;
  EXPECT_EQ(plan_text_units(options, 400).size(), 3u);
}

TEST(TextUnitPlan, SmallFilesAreOnePieceOfWorkAndPartsOfLargeOnesStayAlone) {
  const testing::TemporaryDirectory directory;
  const std::vector<std::pair<std::string, std::size_t>> files{{"a", 30}, {"b", 40},  {"c", 30},
                                                               {"d", 1},  {"e", 250}, {"f", 0},
                                                               {"g", 50}, {"h", 0},   {"i", 100}};
  for (const auto& [name, bytes] : files) {
    std::ofstream(directory / name) << std::string(bytes, 'x');
  }
  CorpusOptions options;
  options.text = {directory.path().string()};
  const auto units = plan_text_units(options, 100);
  ASSERT_EQ(units.size(), 11u);  // e in three

  const auto groups = group_text_units(units, 100);

  EXPECT_EQ(groups,
            (std::vector<UnitGroup>{{0, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 10}, {10, 11}}));
  EXPECT_EQ(byte_count(units, groups[0]), 100u);
  EXPECT_EQ(units_in(units, groups[0]), (std::vector<TextUnit>{units[0], units[1], units[2]}));
}

TEST(TextUnitPlan, ALineLongerThanUnitsBelongsToOne) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "a.txt") << "first.\n\n" << std::string(3 << 20, 'x') << "\n\nlast.\n";
  CorpusOptions options;
  options.text = {(directory / "a.txt").string()};
  std::vector<std::size_t> documents;
  std::uint64_t cut_lines = 0;
  for (const TextUnit& unit : plan_text_units(options, 1 << 19)) {
    DocumentReader reader(options, unit);
    documents.push_back(read(reader).size());
    cut_lines += reader.counts().cut_lines;
  }
  EXPECT_EQ(documents, (std::vector<std::size_t>{2, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(cut_lines, 1u);
}

}  // namespace
}  // namespace bertyard
