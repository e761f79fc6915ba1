// SPDX-License-Identifier: Apache-2.0
#include "tests/launch/made_text.h"

#include <vector>

#include "core/base/philox.h"

namespace bertyard {
namespace {

// The k-th of `words` with a weight of 1 / (k + 1).
const char* draw(PhiloxSequence& draws, const std::vector<const char*>& words) {
  double total = 0;
  for (std::size_t k = 0; k < words.size(); ++k) total += 1.0 / static_cast<double>(k + 1);
  double left = draws.next_unit() * total;
  for (std::size_t k = 0; k < words.size(); ++k) {
    left -= 1.0 / static_cast<double>(k + 1);
    if (left <= 0) return words[k];
  }
  return words.back();
}

std::string sentence(PhiloxSequence& draws) {
  static const std::vector<const char*> kNouns{"captain", "river",  "lantern", "harbour", "winter",
                                               "teacher", "garden", "soldier", "village", "window",
                                               "horse",   "letter", "mountain"};
  static const std::vector<const char*> kVerbs{"watched", "crossed",    "remembered", "found",
                                               "left",    "approached", "painted",    "described"};
  static const std::vector<const char*> kKinds{"old",    "quiet",  "distant", "golden",
                                               "narrow", "broken", "northern"};
  static const std::vector<const char*> kTimes{"in the morning", "after the war", "at night",
                                               "before dawn", "without a word"};
  std::string text = "The ";
  if (draws.next_below(2) == 0) text += std::string(draw(draws, kKinds)) + " ";
  text += draw(draws, kNouns);
  text += std::string(" ") + draw(draws, kVerbs) + " the ";
  if (draws.next_below(3) == 0) text += std::string(draw(draws, kKinds)) + " ";
  text += draw(draws, kNouns);
  if (draws.next_below(3) != 0) text += std::string(" ") + draw(draws, kTimes);
  return text + ".\n";
}

std::string letter(int i, int letters) {
  return std::string(1, static_cast<char>('a' + i % letters));
}

}  // namespace

std::string made_text(std::uint64_t seed, int documents) {
  PhiloxSequence draws(seed, RandomPurpose::sample_building, 0, 0);
  std::string text;
  for (int document = 0; document < documents; ++document) {
    const std::uint32_t sentences = draws.next_in(4, 12);
    for (std::uint32_t i = 0; i < sentences; ++i) text += sentence(draws);
    text += "\n";
  }
  return text;
}

std::string made_sentences(int rows) {
  std::string text = "sentence\tlabel\n";
  for (int i = 0; i < rows; ++i) {
    const std::string word = letter(i, 13);
    text += word + (i % 2 == 0 ? " good " : " bad ") + word + " day\t" + (i % 2 == 0 ? "1" : "0") +
            "\n";
  }
  return text;
}

std::string made_pairs(int rows, int letters) {
  std::string text = "sentence1\tsentence2\tscore\n";
  for (int i = 0; i < rows; ++i) {
    const std::string word = letter(i, letters);
    text += word + " good day\t" + (i % 2 == 0 ? word + " good day" : "no bad king") + "\t" +
            (i % 2 == 0 ? "5.0" : "0.4") + "\n";
  }
  return text;
}

std::string made_questions(int rows, int letters) {
  std::string paragraphs;
  for (int i = 0; i < rows; ++i) {
    const std::string answer = letter(i, letters) + " " + letter(i, letters);
    paragraphs += std::string(i == 0 ? "" : ",") + R"({"context": "say )" + answer +
                  R"( went home", "qas": [{"id": ")" + std::to_string(i) +
                  R"(", "question": "who?", "answers": [{"text": ")" + answer +
                  R"(", "answer_start": 4}]}]})";
  }
  return R"({"version": "1.1", "data": [{"paragraphs": [)" + paragraphs + "]}]}";
}

}  // namespace bertyard
