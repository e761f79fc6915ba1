// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/mpi_world.h"

namespace bertyard {
namespace {

TEST(MpiAbsent, SaysSoAndHowToMendIt) {
  if (built_with_mpi()) GTEST_SKIP() << "this build has MPI";

  EXPECT_THAT([] { MpiWorld(); }, ::testing::ThrowsMessage<EnvironmentError>(::testing::AllOf(
                                      ::testing::HasSubstr("built without MPI"),
                                      ::testing::HasSubstr("install libopenmpi-dev"))));
}

}  // namespace
}  // namespace bertyard
