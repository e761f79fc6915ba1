// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fstream>
#include <limits>

#include <fmt/format.h>

#include "launch/inspect/inspect_tensors.h"
#include "launch/verbs/verb_inspect.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"
#include "tests/train/toy_state.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class InspectTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  static std::string text(const std::string& path, const std::string& tensor = "") {
    InspectOptions options;
    options.path = path;
    options.tensor = tensor;
    return inspect_text(options);
  }

  static std::string refusal(const std::string& path) {
    return testing::message_of<DataError>([&] { text(path); });
  }

  // runs/RUN with a checkpoint of step 7.
  std::string make_run() const {
    const std::string run = directory_ / "run";
    save_checkpoint(run + "/checkpoints", testing::ToyState(7).contents());
    write("run/STATUS", "stopped: by USR1\n");
    write("run/command.txt", "bertyard train run.yaml\n");
    write("run/metrics.jsonl",
          "{\"t\":\"2026-11-23T05:00:00Z\",\"kind\":\"train\",\"step\":7,\"loss_mlm\":4.5,"
          "\"tok_per_s\":12345}\n");
    return run;
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(InspectTest, AVocabulary) {
  const std::string path =
      write("any.vocab", "[UNK]\n[CLS]\n[PAD]\n[SEP]\n[MASK]\nword\n##ing\n\xE4\xB8\xAD\nApple\n");

  EXPECT_THAT(text(path), AllOf(HasSubstr("entries      9\n"),
                                HasSubstr("[PAD] 2, [UNK] 0, [CLS] 1, [SEP] 3, [MASK] 4\n"),
                                HasSubstr("in brackets  5\n"), HasSubstr("1 begin with ##"),
                                HasSubstr("1 with A to Z"), HasSubstr("ideographs   1\n"),
                                HasSubstr("Apple (5 characters)")));
}

TEST_F(InspectTest, ACheckpoint) {
  const std::string shown = text(make_run() + "/checkpoints/step-00000007");

  EXPECT_THAT(shown,
              AllOf(HasSubstr("step         7, 6 of them applied\n"), HasSubstr("MLM 2.5000 nats"),
                    HasSubstr("1, hidden 4, 2 heads"), HasSubstr("blas     OpenBLAS 0.3.21\n"),
                    HasSubstr("optim.lr      0.0001\n"),
                    ContainsRegex("\n  cls.seq_relationship.weight +\\[2, 4\\] +F32 ")));
}

TEST_F(InspectTest, ATensorOfWeightsOrOptimizer) {
  const std::string run = make_run();
  const testing::ToyState state(7);
  const ParameterInfo& info = state.parameters.info(*state.parameters.find("cls.predictions.bias"));
  const float first = state.weights[static_cast<std::size_t>(info.offset)];

  EXPECT_THAT(text(run, info.name), AllOf(HasSubstr("F32 [11]"), HasSubstr("11, 0 of them zero"),
                                          HasSubstr(fmt::format(" {:.6g} ", first))));
  EXPECT_THAT(text(run, "m/" + info.name), HasSubstr(fmt::format(" {:.6g} ", -first)));
  EXPECT_THAT(testing::message_of<UsageError>([&] { text(run, "cls.predictions.bais"); }),
              HasSubstr("no tensor 'cls.predictions.bais'; did you mean 'cls.predictions.bias'?"));
}

TEST_F(InspectTest, ARun) {
  const std::string run = make_run();
  write("run/checkpoints/step-00000008/manifest.json", "{}");

  EXPECT_THAT(text(run), AllOf(HasSubstr("status     stopped: by USR1\n"),
                               HasSubstr("command    bertyard train run.yaml\n"),
                               HasSubstr("7: MLM 4.5000 nats, 12k tokens/s"),
                               ContainsRegex("step-00000007 +123,456,789,012,345 .*2.5000\n"),
                               HasSubstr("truncated or damaged\n")));
}

TEST_F(InspectTest, ARunThatHasJustBegun) {
  write("run/env.json", "{}");

  EXPECT_THAT(text(directory_ / "run"), HasSubstr("no checkpoint yet"));
}

TEST_F(InspectTest, AHuggingFaceDirectoryAndItsWeights) {
  const testing::ToyState state(3);
  export_huggingface(directory_ / "hf", {state.config,
                                         state.parameters,
                                         view_of(std::span<const float>(state.weights)),
                                         state.vocabulary,
                                         {}});

  EXPECT_THAT(text(directory_ / "hf"),
              AllOf(HasSubstr("Hugging Face directory"), HasSubstr("vocab.txt   is there"),
                    HasSubstr("bert.pooler.dense.weight ")));
  EXPECT_THAT(text(directory_ / "hf/model.safetensors"), HasSubstr("bert.pooler.dense.weight "));
}

TEST_F(InspectTest, WhatItDoesNotKnowIsNamed) {
  EXPECT_THAT(refusal(directory_ / "absent"), HasSubstr("absent: no such file or directory"));
  EXPECT_THAT(refusal(directory_.path()), HasSubstr("found a directory that is none of them"));
  EXPECT_THAT(refusal(write("x.bin", "abc")), HasSubstr("found a file that is none of them"));
  EXPECT_THAT(refusal(write("empty.txt", "")), HasSubstr("the file is empty"));
  EXPECT_THAT(refusal(write("notes.txt", "hello\n")), HasSubstr("has no [PAD]"));
  EXPECT_THAT(refusal(write("x.safetensors", "garbage garbage")), HasSubstr("not a safetensors"));
  EXPECT_THAT(refusal(write("x.h5", "garbage")), HasSubstr("is no HDF5 file"));
}

TEST_F(InspectTest, EveryTruncationOfACheckpointIsAnError) {
  const std::string checkpoint = make_run() + "/checkpoints/step-00000007";
  for (const char* name : {"manifest.json", "model.safetensors", "config.json", "optimizer.bin"}) {
    const std::filesystem::path file = checkpoint + "/" + name;
    const auto size = std::filesystem::file_size(file);
    std::filesystem::copy(file, directory_ / "whole");
    for (const std::uintmax_t length : {std::uintmax_t{0}, std::uintmax_t{1}, size / 2, size - 1}) {
      std::filesystem::resize_file(file, length);
      EXPECT_THROW(text(checkpoint), DataError) << name << " " << length;
    }
    std::filesystem::rename(directory_ / "whole", file);
  }
  EXPECT_NO_THROW(text(checkpoint));
}

TEST(TensorFiguresTest, LeaveOutWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();

  const TensorFigures figures = tensor_figures({3, -4, infinity, 0, std::nanf("")});

  EXPECT_EQ(figures.not_finite, 2u);
  EXPECT_EQ(figures.zeros, 1u);
  EXPECT_DOUBLE_EQ(figures.norm, 5);
  EXPECT_DOUBLE_EQ(figures.mean, -1.0 / 3);
  EXPECT_EQ(figures.least, -4);
  EXPECT_EQ(figures.greatest, 3);
  EXPECT_EQ(tensor_figures({}).norm, 0);
}

}  // namespace
}  // namespace bertyard
