// SPDX-License-Identifier: Apache-2.0
// Any bytes as vocab.txt: an error or a vocabulary, and of that a tokenizer that finds its entries.
#include <cstdlib>
#include <string>

#include "core/base/error.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"
#include "tests/fuzz/fuzz_file.h"

namespace bertyard {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const Vocabulary& vocabulary, const Tokenizer& tokenizer, std::string_view text) {
  TokenizerWorker worker(tokenizer);
  Encoding encoding;
  worker.encode(text, encoding);
  require(encoding.ids.size() == encoding.spans.size());
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    require(encoding.ids[i] < vocabulary.size());
    require(encoding.spans[i].begin < encoding.spans[i].end);
    require(encoding.spans[i].end <= text.size());
  }
  std::vector<std::uint32_t> ids;
  worker.tokenize(text, ids);
  require(ids == encoding.ids);
}

}  // namespace
}  // namespace bertyard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bertyard;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const testing::FuzzFile file("vocab.txt", text);
  try {
    const Vocabulary vocabulary = Vocabulary::load(file.path());
    check(vocabulary, Tokenizer(vocabulary, {}), text);
  } catch (const Error&) {
  }
  static const Vocabulary small({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "e"});
  static const Tokenizer tokenizer(small, {}, {"[MASK]"});  // its tables take milliseconds
  check(small, tokenizer, text);
  return 0;
}
