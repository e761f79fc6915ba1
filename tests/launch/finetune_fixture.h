// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "tests/launch/run_fixture.h"

namespace bertyard {

// Settings of `finetune` for classes of the sentences in train.tsv, as made_sentences() makes them.
Arguments sentence_task();

// Fine-tunes on such sentences: `finetune run.yaml run.name=NAME`, sentence_task(), the test's own
// settings, then those of a call.
class FinetuneRunTest : public RunTest {
 protected:
  // Writes train.tsv too.
  void SetUp() override;

  testing::Process start_finetuning(int ranks, const std::string& name,
                                    const Arguments& more = {}) const;
  testing::Ended finetune(int ranks, const std::string& name, const Arguments& more = {}) const;
  // config.json of the best model.
  nlohmann::json config_of(const std::string& name) const;

  Arguments own_settings_;
};

// With settings of its own that learn those sentences quickly, and unlabelled ones in test.tsv.
class FinetuneTest : public FinetuneRunTest {
 protected:
  void SetUp() override;

  // The only training of runs/NAME with sentence_task()'s settings.
  static std::string cell(const std::string& name) {
    return name + "/lr-0.002_batch-16_epochs-8_seed-42";
  }
};

}  // namespace bertyard
