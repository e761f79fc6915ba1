// SPDX-License-Identifier: Apache-2.0
// The main() of tests that run under mpirun. Rank 0 reports as usual, the others their failures
// only; all exit with failure when one of them failed.
#include <cstdio>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/mpi_test.h"

namespace {

bertyard::MpiWorld* the_world = nullptr;

// Printed at once: a rank that failed may leave the others waiting until the test's time limit.
class FailuresOnly : public ::testing::EmptyTestEventListener {
 public:
  explicit FailuresOnly(int rank) : rank_(rank) {}

 private:
  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "[rank %d] %s:%d: %s\n", rank_, result.file_name(), result.line_number(),
                 result.message());
  }
  int rank_;
};

}  // namespace

bertyard::MpiWorld& bertyard::testing::mpi_world() {
  return *the_world;
}

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  bertyard::MpiWorld world;
  the_world = &world;
  const int rank = world.place().rank;
  if (rank != 0) {
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOnly(rank));  // GoogleTest owns it
  }
  const auto control = world.make_control_plane();
  const int failed = RUN_ALL_TESTS();
  const auto failed_anywhere = static_cast<int>(control->agree_max("test result", failed));
  world.finalize();
  return failed_anywhere;
}
