// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer in the ordinary build: runs a target on every file of the directories
// given, then on inputs changed at random from these, for BERTYARD_TEST_FUZZ_SECONDS (default: 2),
// drawn by BERTYARD_TEST_FUZZ_SEED (default: 1). An input that ends the program by a signal is left
// as PROGRAM.input in the working directory.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kLongest = 1 << 20;
std::string input;    // what the target reads at this moment
std::string kept_as;  // "config_replay.input"

extern "C" void keep_input(int signal) {
  const int file = open(kept_as.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0 && write(file, input.data(), input.size()) >= 0) close(file);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run_target() {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

class Mutator {
 public:
  Mutator(std::vector<std::string> corpus, std::uint64_t seed)
      : corpus_(std::move(corpus)), random_(seed) {}

  std::string next() {
    std::string text = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) change(text);
    text.resize(std::min(text.size(), kLongest));
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void change(std::string& text) {
    static const std::array<std::string, 12> kHostile{
        "-1", "0",   "4294967296", "18446744073709551615", "1e999", std::string(8, '\xFF'),
        "[",  "{\"", "\n",         std::string(1, '\0'),   "\xC3",  std::string(5000, '[')};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(text.size() - at, 64) + 1);
    const std::string& other = corpus_[below(corpus_.size())];
    switch (below(7)) {
      case 0:  // a bit
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:  // a piece twice
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.replace(at, length, kHostile[below(kHostile.size())]);
        break;
      case 5:
        text.resize(at);
        break;
      default:  // the front of one and the end of another
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
    }
  }

  std::vector<std::string> corpus_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, keep_input);
  kept_as = std::filesystem::path(argv[0]).filename().string() + ".input";
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      input.assign(std::istreambuf_iterator<char>(file), {});
      std::printf("%s\n", entry.path().filename().c_str());
      std::fflush(stdout);
      run_target();
      corpus.push_back(input);
    }
  }
  if (corpus.empty()) return 1;  // a corpus that is gone tests nothing

  const char* wanted = std::getenv("BERTYARD_TEST_FUZZ_SECONDS");
  const std::chrono::duration<double> limit{wanted != nullptr ? std::atof(wanted) : 2.0};
  const auto start = std::chrono::steady_clock::now();
  const char* chosen = std::getenv("BERTYARD_TEST_FUZZ_SEED");
  const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  std::printf("BERTYARD_TEST_FUZZ_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Mutator mutator(std::move(corpus), seed);
  std::size_t inputs = 0;
  for (; std::chrono::steady_clock::now() - start < limit; ++inputs) {
    input = mutator.next();
    run_target();
  }
  std::printf("%zu changed inputs\n", inputs);
  return 0;
}
