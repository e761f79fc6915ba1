// SPDX-License-Identifier: Apache-2.0
#include "data/text/documents.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/compressed_text.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Sentences = std::vector<std::string>;

class Documents : public ::testing::Test {
 protected:
  CorpusOptions corpus(TextLayout layout, const std::string& content,
                       const std::string& name = "a.txt") const {
    const auto path = directory_ / name;
    std::ofstream(path, std::ios::binary) << content;
    CorpusOptions options;
    options.text = {path.string()};
    options.layout = layout;
    return options;
  }

  std::vector<Sentences> read(const CorpusOptions& options) {
    DocumentReader reader(options);
    std::vector<Sentences> documents;
    lines_.clear();
    for (Document document; reader.next(document);) {
      documents.push_back(document.sentences);
      lines_.push_back(document.line);
    }
    counts_ = reader.counts();
    faults_ = reader.faults();
    return documents;
  }

  testing::TemporaryDirectory directory_;
  std::vector<std::uint64_t> lines_;
  std::vector<LineFault> faults_;
  CorpusCounts counts_;
};

TEST_F(Documents, SentencesStandOneALine) {
  EXPECT_THAT(read(corpus(TextLayout::sentences, "\nA b. C.\n  D \n\n \t\n\nE\n")),
              ElementsAre(ElementsAre("A b. C.", "D"), ElementsAre("E")));
  EXPECT_THAT(lines_, ElementsAre(2, 7));
  EXPECT_EQ(counts_.documents, 2u);
  EXPECT_EQ(counts_.sentences, 3u);
  EXPECT_EQ(counts_.lines, 7u);
  EXPECT_EQ(counts_.bytes, 21u);
  EXPECT_EQ(counts_.empty_documents, 3u);  // one before A, two before E
}

TEST_F(Documents, ParagraphsAreCutIntoSentences) {
  EXPECT_THAT(
      read(corpus(TextLayout::paragraphs, "It is. So be it.\nYes!\n\nThe end. Well.")),
      ElementsAre(ElementsAre("It is.", "So be it.", "Yes!"), ElementsAre("The end.", "Well.")));
  CorpusOptions chinese = corpus(TextLayout::paragraphs, "好。不好。\n");
  chinese.language = "zh";
  EXPECT_THAT(read(chinese), ElementsAre(ElementsAre("好。", "不好。")));
}

TEST_F(Documents, WrappedLinesAreJoined) {
  CorpusOptions options = corpus(TextLayout::wrapped,
                                 "title\nskipped too\n"
                                 "Preface text\n   goes on.\n\n"
                                 "   :a: First\n   entry. It\n   ends.\n   ----------\n"
                                 "   Second paragraph\n\n   without stop\n"
                                 "   :b: Next one.\n");
  options.document_start = "^ *:[^:]+:";
  options.skip_lines = 2;
  EXPECT_THAT(read(options), ElementsAre(ElementsAre("Preface text goes on."),
                                         ElementsAre(":a: First entry.", "It ends.",
                                                     "Second paragraph", "without stop"),
                                         ElementsAre(":b: Next one.")));
  EXPECT_THAT(lines_, ElementsAre(3, 6, 13));
  EXPECT_EQ(counts_.rules, 1u);
}

TEST_F(Documents, WrappedTextWithoutAPatternIsOneDocumentAFile) {
  CorpusOptions options = corpus(TextLayout::wrapped, "A\nb.\n\nC.\n", "a.txt");
  const auto more = corpus(TextLayout::wrapped, "D.\n", "b.txt.gz");
  std::ofstream(directory_ / "b.txt.gz", std::ios::binary) << testing::gzip("D.\n");
  options.text.push_back(more.text[0]);
  EXPECT_THAT(read(options), ElementsAre(ElementsAre("A b.", "C."), ElementsAre("D.")));
  EXPECT_EQ(counts_.files, 2u);
}

TEST_F(Documents, TheEndOfAFileEndsItsDocument) {
  CorpusOptions options = corpus(TextLayout::sentences, "A", "a.txt");
  options.text.push_back(corpus(TextLayout::sentences, "", "b.txt").text[0]);
  options.text.push_back(corpus(TextLayout::sentences, "C\n", "c.txt").text[0]);
  EXPECT_THAT(read(options), ElementsAre(ElementsAre("A"), ElementsAre("C")));
  EXPECT_EQ(counts_.files, 3u);
  EXPECT_EQ(counts_.empty_files, 1u);
}

TEST_F(Documents, BadBytesAreCountedAndSurvived) {
  const std::string content = std::string("a\xFF") + "b\xC3(\nc" + std::string(2, '\0') + "d\n";
  EXPECT_THAT(read(corpus(TextLayout::sentences, content)),
              ElementsAre(ElementsAre("a\xEF\xBF\xBD"
                                      "b\xEF\xBF\xBD(",
                                      "cd")));
  EXPECT_EQ(counts_.invalid_utf8, 2u);
  EXPECT_EQ(counts_.nul_bytes, 2u);
}

TEST_F(Documents, LongLinesAndDocumentsAreCut) {
  const std::string line = std::string((3u << 20) / 2, 'x') + "\n";
  std::string content;
  for (int i = 0; i < 50; ++i) content += line;  // 75 MiB without a blank line
  const auto documents = read(corpus(TextLayout::sentences, content));
  EXPECT_EQ(documents.size(), 10u);  // 5 lines fit into one
  EXPECT_EQ(counts_.cut_documents, 9u);
  EXPECT_EQ(counts_.cut_lines, 50u);
  EXPECT_EQ(counts_.sentences, 100u);
  std::size_t bytes = 0;
  for (const auto& document : documents) {
    for (const auto& sentence : document) bytes += sentence.size();
  }
  EXPECT_EQ(bytes, content.size() - 50);
}

TEST_F(Documents, JsonLinesAreDocuments) {
  CorpusOptions options =
      corpus(TextLayout::jsonl,
             "{\"text\":\"One. "
             "Two.\\n\\nThree\\u0000.\",\"n\":1}\n\n{\"text\":\"\"}\n{\"txt\":\"a\"}\nno\n"
             "{\"text\":\"\xFF Four.\"}");
  EXPECT_THAT(read(options),
              ElementsAre(ElementsAre("One.", "Two.", "Three."), ElementsAre("\uFFFD Four.")));
  EXPECT_EQ(counts_.bad_lines, 2u);
  EXPECT_EQ(counts_.nul_bytes, 1u);
  EXPECT_EQ(counts_.invalid_utf8, 1u);
  EXPECT_EQ(counts_.empty_documents, 1u);
  EXPECT_THAT(lines_, ElementsAre(1, 6));
  ASSERT_EQ(faults_.size(), 2u);
  EXPECT_EQ(faults_[0].line, 4u);
  EXPECT_EQ(faults_[0].what, "has no field 'text'");
  EXPECT_EQ(faults_[1].line, 5u);
  options.field = "txt";
  EXPECT_THAT(read(options), ElementsAre(ElementsAre("a")));
}

TEST_F(Documents, JsonLinesThatAreTooLongAreNamed) {
  const std::string line = "{\"text\":\"" + std::string(DocumentReader::kMaxJsonLineBytes, 'a');
  EXPECT_THAT(read(corpus(TextLayout::jsonl, line + "\"}\n{\"text\":\"b\"}\n")),
              ElementsAre(ElementsAre("b")));
  EXPECT_EQ(counts_.bad_lines, 1u);
  EXPECT_EQ(faults_[0].what, "is longer than 32 MiB");
}

TEST_F(Documents, WikiExtractorsDocuments) {
  EXPECT_THAT(
      read(corpus(TextLayout::wikiextractor,
                  "junk\n<doc id=\"1\" url=\"u\" title=\"A. B\">\nA. B\n\nOne. Two.\n\n"
                  "Three.\nA. B\n</doc>\n\n<doc id=\"2\" title=\"Empty\">\nEmpty\n\n</doc>\n"
                  "<doc id=\"3\">\nFour.\n<doc id=\"4\">\nNot ended.")),
      ElementsAre(ElementsAre("One.", "Two.", "Three.", "A. B"), ElementsAre("Four."),
                  ElementsAre("Not ended.")));
  EXPECT_EQ(counts_.lines_outside, 1u);
  EXPECT_EQ(counts_.empty_documents, 1u);
}

TEST_F(Documents, LinesOfAnotherLayoutAreCounted) {
  read(corpus(TextLayout::sentences,
              "{\"text\": \"A.\"}\n{B}\n<doc id=\"1\">\n<doc>\nC {\"d\": 1}\n"));
  EXPECT_EQ(counts_.foreign_lines, 2u);
  read(corpus(TextLayout::jsonl, "{\"text\": \"A.\"}\n"));
  EXPECT_EQ(counts_.foreign_lines, 0u);
}

TEST_F(Documents, NothingToReadIsAnError) {
  for (const char* content : {"", "\n\n \n"}) {
    EXPECT_THAT([&] { read(corpus(TextLayout::sentences, content)); },
                ThrowsMessage<DataError>(HasSubstr("not one document in 1 file")));
  }
  CorpusOptions skipped = corpus(TextLayout::sentences, "a\nb\n");
  skipped.skip_lines = 2;
  EXPECT_THAT([&] { read(skipped); }, ThrowsMessage<DataError>(HasSubstr("skip_lines")));
}

TEST_F(Documents, WrongOptionsAreRefused) {
  CorpusOptions options = corpus(TextLayout::wrapped, "a\n");
  options.document_start = "(unclosed";
  EXPECT_THAT([&] { DocumentReader reader(options); },
              ThrowsMessage<UsageError>(HasSubstr("'(unclosed' is no ECMAScript regular")));
  options.document_start = "x";
  options.layout = TextLayout::paragraphs;
  EXPECT_THAT([&] { DocumentReader reader(options); },
              ThrowsMessage<UsageError>(HasSubstr("is for corpus.layout: wrapped")));
  options.document_start.clear();
  options.skip_lines = -1;
  EXPECT_THAT([&] { DocumentReader reader(options); },
              ThrowsMessage<UsageError>(HasSubstr("corpus.skip_lines is -1")));
  options.skip_lines = 0;
  options.language = "xx";
  EXPECT_THAT([&] { DocumentReader reader(options); },
              ThrowsMessage<UsageError>(HasSubstr("en, zh")));
}

TEST_F(Documents, MileLongLinesDoNotOverflowThePattern) {
  CorpusOptions options = corpus(TextLayout::wrapped, std::string(1 << 20, 'a') + "\n:b: c\n");
  options.document_start = "^(a|b)*:.*:";
  EXPECT_EQ(read(options).size(), 2u);
}

TEST(DocumentHash, IsOfTheTextAlone) {
  EXPECT_EQ(text_hash({{"a", "b"}, "file", 3}), xxh3("a\nb\n"));
  EXPECT_NE(text_hash({{"a", "b"}, "", 0}), text_hash({{"ab"}, "", 0}));
}

TEST(JargonFile, HasItsEntries) {
  const std::string path = "/usr/share/doc/jargon-text/jargon.txt.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "install Debian's jargon-text";
  CorpusOptions options;
  options.text = {path};
  options.layout = TextLayout::wrapped;
  options.document_start = "^ *:[^:]+:";
  options.skip_lines = 6800;
  DocumentReader reader(options);
  for (Document document; reader.next(document);) {
    for (const std::string& sentence : document.sentences) ASSERT_FALSE(sentence.empty());
  }
  EXPECT_NEAR(static_cast<double>(reader.counts().documents), 2300, 20);
  EXPECT_NEAR(static_cast<double>(reader.counts().sentences), 17000, 1000);
}

}  // namespace
}  // namespace bertyard
