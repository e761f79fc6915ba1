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

}  // namespace bertyard
