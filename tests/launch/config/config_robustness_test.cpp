// SPDX-License-Identifier: Apache-2.0
#include <iterator>
#include <random>

#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

constexpr char kStart[] =
    "# a run\nrun: {name: demo, seed: 7}\ncorpus:\n  text: [a.txt, 'b *.gz']\n  layout: wrapped\n"
    "  document_start: \"^[A-Z]+$\"\ntokenizer: {vocab: v.txt, learn: {size: 8k}}\n"
    "samples:\n  mask: {rate: 15%, replace: 80%}\n  shard: 25 MiB\n"
    "schedule:\n  - {until: 900 steps, length: 64, global_batch: 32}\n"
    "  - until: 2k steps\n    length: 128\noptim: {lr: 1e-4, betas: [0.9, 0.999], warmup: 10 "
    "steps}\n"
    "checkpoint: {every: 30 min, resume: auto}\n";

constexpr std::string_view kPieces[] = {
    "[",   "]",    "{",  "}",        ":",    "- ",    "\n", "  ",        "\t", "\"",
    "'",   "&a ",  "*a", "<<: ",     "!x ",  "? ",    "|",  ">",         "%",  "#",
    "---", "null", "~",  "\xC3\xA9", "\xFF", "1e999", "0",  "schedule: "};

void mutate(std::string& text, std::mt19937& random) {
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  const std::size_t place = below(text.size());
  switch (below(4)) {
    case 0:
      text[place] = static_cast<char>(random());
      break;
    case 1:
      text.insert(place, kPieces[below(std::size(kPieces))]);
      break;
    case 2:
      text.erase(place, below(10) + 1);
      break;
    default:
      text.insert(place, text.substr(below(text.size()), below(60)));
  }
}

TEST(ConfigRobustness, DamagedTextIsLoadedOrRefusedButNeverCrashes) {
  std::mt19937 random(42);
  int refused = 0;
  constexpr int kRounds = 5000;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = kStart;
    for (std::size_t changes = random() % 6 + 1; changes > 0; --changes) mutate(text, random);
    try {
      const LoadedConfig loaded = parse_config("damaged.yaml", text);
      EXPECT_EQ(parse_config("again", resolved_yaml(loaded.config)).config, loaded.config) << text;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(" error(s)")) << text;
      ++refused;
    }
  }
  EXPECT_GT(refused, kRounds / 2);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace bertyard
