// SPDX-License-Identifier: Apache-2.0
// Any bytes as a text file in any layout, whole and in units; any bytes as rules for sentences.
// The first byte chooses.
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "data/text/documents.h"
#include "data/text/sentence_splitter.h"
#include "data/text/utf8.h"
#include "tests/fuzz/fuzz_file.h"

namespace bertyard {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

using Documents = std::vector<std::vector<std::string>>;

void read(DocumentReader& reader, Documents& documents) {
  for (Document document; reader.next(document);) {
    for (const std::string& sentence : document.sentences) {
      require(!sentence.empty() && is_valid_utf8(sentence));
      require(sentence.find_first_of(std::string_view("\n\0", 2)) == std::string::npos);
    }
    documents.push_back(document.sentences);
  }
}

void read_text(const CorpusOptions& options) {
  Documents whole, in_units;
  try {
    DocumentReader reader(options);
    read(reader, whole);
  } catch (const DataError&) {  // not one document, or no text
  }
  try {
    for (const TextUnit& unit : plan_text_units(options, 16)) {
      DocumentReader reader(options, unit);
      read(reader, in_units);
    }
  } catch (const DataError&) {
    return;
  }
  require(whole == in_units);
}

}  // namespace
}  // namespace bertyard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bertyard;
  if (size == 0) return 0;
  const unsigned choice = data[0];
  const std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const testing::FuzzFile file("text", content);
  CorpusOptions options;
  options.text = {file.path()};
  options.layout = static_cast<TextLayout>(choice % 5);
  options.language = (choice / 5) % 3 == 1 ? "zh" : "en";
  if (options.layout == TextLayout::wrapped) options.document_start = "^:";
  if ((choice / 5) % 3 == 2) options.language = file.path();
  try {
    read_text(options);
  } catch (const DataError&) {  // rules that are none, data that are not compressed
  }
  return 0;
}
