// SPDX-License-Identifier: Apache-2.0
#include "tests/launch/run_fixture.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "tests/launch/made_text.h"

namespace bertyard {

namespace fs = std::filesystem;
using testing::Ended;
using testing::Process;

namespace {

constexpr const char* kConfiguration = R"(run: {name: run, dir: runs, seed: 7}
corpus: {text: [text.txt], layout: sentences, held_out: 10%}
tokenizer: {vocab: vocab.txt, learn: {size: 300, min_frequency: 1}}
samples: {out: data, max_length: 32, mask: {max_predictions: 5}}
model:
  preset: bert-tiny
  hidden: 64
  heads: 2
  intermediate: 128
  max_positions: 32
data: {train: data/train, valid: data/valid}
schedule:
  - {until: 24 steps, length: 32, global_batch: 16}
optim: {name: adamw, lr: 2e-3, warmup: 4 steps}
parallel: {threads: 1, micro_batch: {tokens: 96, sequences: 8, masked: 24}}
checkpoint: {every: 8 steps, keep_last: 2}
eval: {every: 12 steps}
log: {every: 4 steps, console: off}
)";

std::vector<std::string> mpi_environment() {
  std::istringstream words(BERTYARD_MPI_ENVIRONMENT);
  return {std::istream_iterator<std::string>(words), {}};
}

std::int64_t count(const std::string& text, const std::string& word) {
  std::int64_t times = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++times;
  }
  return times;
}

}  // namespace

std::vector<LossLine> parse_losses(const std::string& text) {
  std::istringstream lines(text);
  std::vector<LossLine> losses;
  LossLine line;
  // Streams do not read hexadecimal floats; strtod does.
  for (std::string mlm, sentence;
       lines >> line.step >> mlm >> sentence >> line.masked >> line.samples;) {
    line.mlm = std::strtod(mlm.c_str(), nullptr);
    line.sentence = std::strtod(sentence.c_str(), nullptr);
    losses.push_back(line);
  }
  return losses;
}

Arguments with(Arguments first, const Arguments& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

double relative_difference(double a, double b) {
  return std::abs(a - b) / std::max(std::abs(a), std::abs(b));
}

void RunTest::SetUp() {
  process_options_.environment = mpi_environment();
  // What killed processes leave of Open MPI's files goes with the test's directory.
  for (const char* place : {"btl_vader_backing_directory=", "orte_tmpdir_base="}) {
    process_options_.environment.push_back(std::string("OMPI_MCA_") + place +
                                           directory_.path().string());
  }
  write("text.txt", made_text(1));
  write("run.yaml", kConfiguration);
  const Ended prepared = run_program({"prepare", config()});
  ASSERT_EQ(prepared.code, 0) << prepared.errors;
}

void RunTest::TearDown() {
  expect_nobody_left();
}

Process RunTest::start(const Arguments& command) const {
  return Process(command, process_options_);
}

Process RunTest::start_program(const Arguments& arguments) const {
  return start(program_command(0, arguments));
}

Ended RunTest::run_program(const Arguments& arguments) const {
  return start_program(arguments).wait();
}

Arguments RunTest::program_command(int ranks, const Arguments& arguments, const char* program) {
  Arguments command;
  if (ranks > 0) command = {BERTYARD_MPIEXEC, "-n", std::to_string(ranks)};
  command.emplace_back(program);
  return with(command, arguments);
}

Arguments RunTest::training_command(int ranks, const std::string& name,
                                    const Arguments& arguments) const {
  return program_command(ranks, with({"train", config(), "run.name=" + name}, arguments));
}

Process RunTest::start_training(int ranks, const std::string& name,
                                const Arguments& arguments) const {
  return start(training_command(ranks, name, arguments));
}

Ended RunTest::train(int ranks, const std::string& name, const Arguments& arguments) const {
  return start_training(ranks, name, arguments).wait();
}

nlohmann::json RunTest::last_record(const std::string& name, const std::string& kind) const {
  std::istringstream lines(read(run(name) / "metrics.jsonl"));
  nlohmann::json last;
  for (std::string line; std::getline(lines, line);) {
    auto record = nlohmann::json::parse(line);
    if (record["kind"] == kind) last = std::move(record);
  }
  return last;
}

std::string RunTest::read(const fs::path& file) const {
  std::ifstream stream(directory_.path() / file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

void RunTest::write(const fs::path& file, const std::string& text) const {
  std::ofstream(directory_.path() / file, std::ios::binary) << text;
}

std::int64_t RunTest::steps(const std::string& name) const {
  return count(read(run(name) / "loss.log"), "\n");
}

bool RunTest::wait_for_steps(Process& training, const std::string& name, std::int64_t lines) const {
  while (steps(name) < lines) {
    if (!training.running()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

void RunTest::expect_nobody_left(int seconds) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::vector<pid_t> left = testing::processes_naming(directory_.path().string());
  while (!left.empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    left = testing::processes_naming(directory_.path().string());
  }
  EXPECT_THAT(left, ::testing::IsEmpty()) << "processes are left after " << seconds << " s";
  for (const pid_t id : left) ::kill(id, SIGKILL);
}

void RunTest::expect_same_bits(const std::string& first, const std::string& second) const {
  for (const char* file :
       {"loss.log", "checkpoints/latest/model.safetensors", "checkpoints/latest/optimizer.bin"}) {
    const std::string bytes = read(run(first) / file);
    EXPECT_FALSE(bytes.empty()) << file;
    EXPECT_TRUE(bytes == read(run(second) / file)) << file << " of " << first << " and " << second;
  }
}

void RunTest::expect_same_bits_after_a_stop(const Arguments& arguments) const {
  const Arguments longer = with(arguments, {"schedule.0.until=120 steps"});
  ASSERT_EQ(train(0, "whole", longer).code, 0);
  Process stopped = start_training(0, "stopped", longer);
  EXPECT_TRUE(wait_for_steps(stopped, "stopped", 20)) << "it ended before the signal";
  stopped.signal(SIGUSR1);
  EXPECT_EQ(stopped.wait().code, 75);

  EXPECT_EQ(train(0, "stopped", longer).code, 0);

  expect_same_bits("whole", "stopped");
}

void RunTest::expect_same_bits_for_any_ranks(const Arguments& arguments) const {
  const Arguments ordered = with(arguments, {"parallel.reduction=ordered", "parallel.leaves=4",
                                             "parallel.micro_batch.sequences=2"});
  for (const int ranks : {1, 2, 3}) {
    const Ended ended = train(ranks, std::to_string(ranks), ordered);
    EXPECT_EQ(ended.code, 0) << ended.errors;
  }

  expect_same_bits("1", "2");
  expect_same_bits("1", "3");
}

std::map<std::string, std::string> RunTest::snapshot(const fs::path& directory) const {
  std::map<std::string, std::string> files;
  if (!fs::exists(directory)) return files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && entry.path().filename() != ".lock") {
      files[fs::relative(entry.path(), directory).string()] = read(entry.path());
    }
  }
  return files;
}

void RunTest::expect_error(const Ended& ended, int code, const Arguments& words) const {
  EXPECT_EQ(ended.code, code) << ended.errors;
  EXPECT_EQ(count(ended.output + ended.errors, "error: "), 1) << ended.output << ended.errors;
  for (const std::string& word : words) EXPECT_THAT(ended.errors, ::testing::HasSubstr(word));
  expect_nobody_left();
}

void RunTest::expect_refused(int code, const Arguments& words, const std::string& name,
                             const Arguments& arguments) const {
  expect_error(train(0, name, arguments), code, words);
  if (std::string(BERTYARD_MPIEXEC).empty()) return;
  SCOPED_TRACE("two ranks");
  expect_error(train(2, name, arguments), code, words);
}

}  // namespace bertyard
