// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/launch/program_fixture.h"

namespace bertyard {

// A text and a configuration that prepare and train in a second.
class SmallRun : public ProgramFixture {
 protected:
  void SetUp() override {
    std::string text;
    for (int document = 0; document < 60; ++document) {
      for (int sentence = 0; sentence < 9; ++sentence) {
        text += "the " + std::string(1, static_cast<char>('a' + document % 26)) + " went to the " +
                std::string(1, static_cast<char>('k' + sentence)) + " house and came back\n";
      }
      text += "\n";
    }
    write("text.txt", text);
    write("run.yaml",
          "run: {name: r}\n"
          "corpus: {text: [text.txt], held_out: 20%}\n"
          "tokenizer: {vocab: vocab.txt, learn: {size: 120, min_frequency: 1}}\n"
          "samples: {out: data, max_length: 32, mask: {max_predictions: 5}}\n"
          "model: {preset: bert-tiny, layers: 1, hidden: 32, heads: 2, intermediate: 64, "
          "max_positions: 32}\n"
          "schedule: [{until: 4 steps, length: 32, global_batch: 16}]\n"
          "optim: {warmup: 1 steps}\n"
          "eval: {every: 4 steps}\n"
          "parallel: {threads: 1}\n"
          "log: {every: 1 step, console: plain}\n");
  }
  void expect_runs(const std::string& arguments) {
    const Ended ended = run(arguments);
    ASSERT_EQ(ended.code, 0) << arguments << "\n" << ended.errors;
  }
};

}  // namespace bertyard
