// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace bertyard {

// Several hundred sentences in documents, of a small grammar with a long-tailed choice of words: a
// text in which there is something to learn. A pure function of the seed.
std::string made_text(std::uint64_t seed, int documents = 120);

// Files of tasks that even the smallest model learns, of words of one letter, the first `letters`.
// SST-2's: "good" or "bad" decides. STS-B's: twice the same sentence, or two. SQuAD's: a word that
// stands twice in a row is the answer.
std::string made_sentences(int rows);
std::string made_pairs(int rows, int letters);
std::string made_questions(int rows, int letters);

}  // namespace bertyard
