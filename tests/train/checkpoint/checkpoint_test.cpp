// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint/checkpoint.h"

#include <cstdlib>
#include <fstream>
#include <random>

#include "data/files/file_writer.h"
#include "tests/support/faulty_calls.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"
#include "tests/train/toy_state.h"
#include "train/checkpoint/checkpoint_manifest.h"
#include "train/checkpoint/checkpoint_store.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryDirectory;
using testing::ToyState;
using testing::without_gaps;

constexpr const char* kFiles[] = {"manifest.json", "model.safetensors", "optimizer.bin",
                                  "config.json",   "vocab.txt",         "tokenizer_config.json"};

class CheckpointTest : public ::testing::Test {
 protected:
  std::string refusal(const fs::path& path) {
    return message_of<DataError>([&] { (void)Checkpoint::read(path); });
  }

  TemporaryDirectory directory_;
  ToyState toy_{12000};
  fs::path saved_ = save_checkpoint(directory_.path(), toy_.contents());
};

TEST_F(CheckpointTest, GivesBackWhatWasSaved) {
  const Checkpoint read = Checkpoint::read(saved_);
  ToyState other(1);
  read.read_weights(other.parameters, view_of(std::span<float>(other.weights)));
  read.read_optimizer("v", other.parameters, view_of(std::span<float>(other.v)));

  EXPECT_EQ(saved_.filename(), "step-00012000");
  EXPECT_EQ(read.state(), toy_.state);
  EXPECT_EQ(read.model(), toy_.config);
  EXPECT_EQ(read.vocabulary(), toy_.vocabulary);
  EXPECT_THAT(read.optimizer_names(), ElementsAre("m", "v"));
  EXPECT_EQ(without_gaps(other.parameters, other.weights),
            without_gaps(toy_.parameters, toy_.weights));
  EXPECT_EQ(without_gaps(other.parameters, other.v), without_gaps(toy_.parameters, toy_.v));
  EXPECT_EQ(fs::read_symlink(directory_ / "latest"), "step-00012000");
}

TEST_F(CheckpointTest, DoesNotDependOnTheOrderOfTheTensorsInMemory) {
  ParameterStore reversed;
  for (auto at = toy_.parameters.infos().rbegin(); at != toy_.parameters.infos().rend(); ++at) {
    reversed.add(at->name, at->shape, at->decay);
  }
  std::vector<float> flat(static_cast<std::size_t>(reversed.flat_elements()));

  Checkpoint::read(saved_).read_weights(reversed, view_of(std::span<float>(flat)));

  const ParameterInfo& info = reversed.info(*reversed.find("cls.predictions.bias"));
  const ParameterInfo& original =
      toy_.parameters.info(*toy_.parameters.find("cls.predictions.bias"));
  EXPECT_EQ(flat[static_cast<std::size_t>(info.offset)],
            toy_.weights[static_cast<std::size_t>(original.offset)]);
}

TEST_F(CheckpointTest, EqualStateGivesEqualBytes) {
  const TemporaryDirectory second;

  const fs::path again = save_checkpoint(second.path(), toy_.contents());

  for (const char* name : kFiles) EXPECT_EQ(read_file(saved_ / name), read_file(again / name));
}

TEST_F(CheckpointTest, EveryFlippedBitIsFound) {
  std::mt19937 random(7);
  for (const char* name : kFiles) {
    const std::string intact = read_file(saved_ / name);
    for (int trial = 0; trial < 40; ++trial) {
      std::string damaged = intact;
      damaged[random() % damaged.size()] ^= static_cast<char>(1u << (random() % 8));
      std::ofstream(saved_ / name, std::ios::binary) << damaged;
      EXPECT_THROW((void)Checkpoint::read(saved_), DataError) << name;
    }
    std::ofstream(saved_ / name, std::ios::binary) << intact;
  }

  EXPECT_NO_THROW((void)Checkpoint::read(saved_));
}

// Storage that fails says nothing about the checkpoint.
TEST_F(CheckpointTest, AFailedReadIsNoDamage) {
  bool struck = true;
  int failures = 0;
  for (int call = 0; struck; ++call) {
    const testing::FaultyCalls calls(testing::Fault::one_error, call);
    try {
      (void)Checkpoint::read(saved_, calls);
    } catch (const IoError& error) {
      EXPECT_THAT(error.what(), HasSubstr("Input/output error"));
      ++failures;
    }
    struck = calls.struck();
  }
  EXPECT_GE(failures, 10);  // open and read of five files at least
}

TEST_F(CheckpointTest, PatienceOutlivesAStutter) {
  const testing::FaultyCalls calls(testing::Fault::one_error, 3);
  EXPECT_EQ(Checkpoint::read_patiently(saved_, calls).state().step, 12000);
  EXPECT_TRUE(calls.struck());
}

// The long form: BERTYARD_TEST_FLIPS=10000.
TEST_F(CheckpointTest, ManyFlipsOverAllFilesAreFound) {
  const char* wanted = std::getenv("BERTYARD_TEST_FLIPS");
  const int flips = wanted != nullptr ? std::atoi(wanted) : 300;
  std::mt19937 random(11);
  for (int trial = 0; trial < flips; ++trial) {
    const fs::path file = saved_ / kFiles[random() % std::size(kFiles)];
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    const auto at = static_cast<std::streamoff>(random() % fs::file_size(file));
    stream.seekg(at);
    const char intact = static_cast<char>(stream.get());
    const auto put = [&](char byte) { stream.seekp(at).put(byte).flush(); };
    put(static_cast<char>(intact ^ static_cast<char>(1 + random() % 255)));
    EXPECT_THROW((void)Checkpoint::read(saved_), DataError) << file << " at " << at;
    put(intact);
  }
  EXPECT_NO_THROW((void)Checkpoint::read(saved_));
}

TEST_F(CheckpointTest, EveryTruncationAndMissingFileIsNamed) {
  for (const char* name : kFiles) {
    const std::string intact = read_file(saved_ / name);
    for (const std::size_t bytes : {std::size_t{0}, intact.size() / 2, intact.size() - 1}) {
      fs::resize_file(saved_ / name, bytes);
      EXPECT_THAT(refusal(saved_), HasSubstr(name));
    }
    fs::remove(saved_ / name);
    EXPECT_THAT(refusal(saved_), HasSubstr(name));
    std::ofstream(saved_ / name, std::ios::binary) << intact;
  }
}

TEST_F(CheckpointTest, RefusesAnotherFormatVersionAndNumbersThatCannotBe) {
  const auto refusal_of = [&](const std::string& was, const std::string& is) {
    std::string text = read_file(saved_ / "manifest.json");
    const std::string tail = ",\n  \"xxh3\": \"0123456789abcdef\"\n}\n";
    text.resize(text.size() - tail.size());
    text.replace(text.find(was), was.size(), is);
    const std::string sealed = text + ",\n  \"xxh3\": \"" + hash_text(xxh3(text)) + "\"\n}\n";
    return message_of<DataError>([&] { (void)parse_manifest(sealed, "manifest.json"); });
  };

  EXPECT_THAT(refusal_of("\"format_version\": 1", "\"format_version\": 9"),
              HasSubstr("manifest.json: checkpoint format 9, this program reads 1"));
  EXPECT_THAT(refusal_of("\"format_version\": 1", "\"format_version\": 1e30"),
              HasSubstr("manifest.json: 'format_version' is 1e+30, expected a whole number"));
  EXPECT_THAT(refusal_of("\"data_position\": ", "\"data_position\": -"),
              HasSubstr("manifest.json: 'data_position' is -"));
}

TEST_F(CheckpointTest, RefusesAnotherModelAndOptimizer) {
  ModelConfig larger = toy_.config;
  larger.layers = 2;
  ToyState other(1, larger);
  ModelConfig smaller_vocabulary = toy_.config;
  smaller_vocabulary.vocab_size = 10;
  ToyState third(1, smaller_vocabulary);
  const Checkpoint read = Checkpoint::read(saved_);

  const auto into = [&](ToyState& state) {
    return message_of<DataError>(
        [&] { read.read_weights(state.parameters, view_of(std::span<float>(state.weights))); });
  };
  EXPECT_THAT(into(other), HasSubstr("is missing, this run's model has"));
  EXPECT_THAT(into(third), HasSubstr("is [11], this run's model has [10]"));
  EXPECT_THAT(message_of<DataError>([&] {
                read.read_optimizer("momentum", toy_.parameters, view_of(std::span<float>(toy_.m)));
              }),
              HasSubstr("no optimizer state 'momentum', found: m, v"));
}

TEST_F(CheckpointTest, ASmallerModelThanTheCheckpointIsRefused) {
  ParameterStore few;
  few.add("cls.predictions.bias", {11}, WeightDecay::no);
  std::vector<float> flat(static_cast<std::size_t>(few.flat_elements()));

  EXPECT_THAT(message_of<DataError>([&] {
                Checkpoint::read(saved_).read_weights(few, view_of(std::span<float>(flat)));
              }),
              HasSubstr("this run's model has 1;"));
}

TEST_F(CheckpointTest, AnotherRunOrOtherSettingsAreRefusedByName) {
  CheckpointState expected = toy_.state;
  EXPECT_NO_THROW(require_same_run(expected, toy_.state, "step-1"));

  expected.settings["optim.lr"] = "0.0005";
  expected.settings["optim.decay"] = "linear";
  const std::string message =
      message_of<DataError>([&] { require_same_run(expected, toy_.state, "step-1"); });
  EXPECT_THAT(message, HasSubstr("optim.lr is 0.0005, the checkpoint has 0.0001"));
  EXPECT_THAT(message, HasSubstr("optim.decay is linear, the checkpoint has absent"));

  expected.run_id = "ffffffffffffffff";
  EXPECT_THAT(message_of<DataError>([&] { require_same_run(expected, toy_.state, "step-1"); }),
              HasSubstr("the checkpoint is of run 00112233445566aa"));
}

}  // namespace
}  // namespace bertyard
