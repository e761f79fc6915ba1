// SPDX-License-Identifier: Apache-2.0
// A program with MpiEnvironment's life cycle, run under mpirun by the tests. "agree" ends well;
// "abort" fails on the last rank while the others are stuck in a collective: exit code 5.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "launch/run/environment.h"

namespace {

void run(bertyard::MpiEnvironment& environment, const std::string& mode) {
  const bertyard::ProcessGroup group = environment.make_process_group();
  const int ranks = static_cast<int>(group.control->agree_max("ranks", group.rank())) + 1;
  if (ranks != group.size() || group.local_size != ranks || group.local_rank != group.rank()) {
    throw bertyard::Error("the ranks do not know their places");
  }
  if (mode == "abort" && group.rank() == group.size() - 1) throw bertyard::DivergedError("loss");
  std::vector<double> values(1000, 1.0);
  group.communicator->all_reduce_sum(bertyard::view_of(std::span<double>(values))).wait();
  if (values[999] != ranks) throw bertyard::Error("the sum is wrong");
}

}  // namespace

int main(int argc, char** argv) {
  bertyard::MpiEnvironment environment({argv[0]});
  try {
    run(environment, argc > 1 ? argv[1] : "agree");
    environment.finalize();
  } catch (const bertyard::Error& error) {
    std::fprintf(stderr, "rank %d: %s\n", environment.rank(), error.what());
    environment.abort(static_cast<int>(error.exit_code()));
    return static_cast<int>(error.exit_code());
  }
  return 0;
}
