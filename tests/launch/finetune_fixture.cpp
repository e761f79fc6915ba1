// SPDX-License-Identifier: Apache-2.0
#include "tests/launch/finetune_fixture.h"

#include "tests/launch/made_text.h"

namespace bertyard {

Arguments sentence_task() {
  return {"task.kind=classify", "task.name=sst2",    "task.train=[train.tsv]",
          "task.max_length=32", "task.held_out=20%", "finetune.lr=2e-3",
          "finetune.batch=16",  "finetune.epochs=8", "eval.every=10 steps"};
}

void FinetuneRunTest::SetUp() {
  RunTest::SetUp();
  write("train.tsv", made_sentences(90));
}

testing::Process FinetuneRunTest::start_finetuning(int ranks, const std::string& name,
                                                   const Arguments& more) const {
  const Arguments verb{"finetune", config(), "run.name=" + name};
  return start(
      program_command(ranks, with(with(with(verb, sentence_task()), own_settings_), more)));
}

testing::Ended FinetuneRunTest::finetune(int ranks, const std::string& name,
                                         const Arguments& more) const {
  return start_finetuning(ranks, name, more).wait();
}

nlohmann::json FinetuneRunTest::config_of(const std::string& name) const {
  return nlohmann::json::parse(read(run(name) / "best/config.json"));
}

void FinetuneTest::SetUp() {
  FinetuneRunTest::SetUp();
  own_settings_ = {"finetune.warmup=10%", "model.init_range=0.05"};
  std::string unlabelled = "index\tsentence\n";
  for (int i = 0; i < 90; ++i) {
    const std::string word(1, static_cast<char>('a' + i % 13));
    unlabelled += std::to_string(i) + "\t" + word + " good day\n";
  }
  write("test.tsv", unlabelled);
}

}  // namespace bertyard
