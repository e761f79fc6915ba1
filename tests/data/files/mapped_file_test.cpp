// SPDX-License-Identifier: Apache-2.0
// A shard that changes or vanishes while it is read.
#include "data/files/mapped_file.h"

#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/shards/open_samples.h"
#include "tests/data/made_shards.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ChangingShard : public Shard {
 protected:
  void SetUp() override {
    write(MaskTime::prepare, 1000, 40000);  // several blocks
    source_ = open_samples(directory_.path());
  }
  // What reading all samples says, by a source that has been open all the while.
  std::string read_all() const {
    return error_of([&] {
      StoredSample sample;
      for (std::uint64_t i = 0; i < source_->size(); ++i) source_->read(i, sample);
    });
  }
  // Blocks that were touched are not hashed again, so this is for what comes after.
  void touch_all() {
    ASSERT_EQ(read_all(), "no DataError");
    // The system is asked once a second.
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  }
  std::unique_ptr<SampleSource> source_;
};

TEST_F(ChangingShard, CutShortBeforeItWasReadIsNoCrash) {
  std::filesystem::resize_file(file(), 4096);

  EXPECT_THAT(read_all(), AllOf(HasSubstr(file().string()), HasSubstr("has 4096 now"),
                                HasSubstr("put the old one back and resume")));
}

TEST_F(ChangingShard, CutShortAfterItWasReadIsNoCrash) {
  touch_all();
  std::filesystem::resize_file(file(), 4096);

  EXPECT_THAT(read_all(), HasSubstr("it was changed while it was being read"));
}

TEST_F(ChangingShard, CutShortByLessThanAPageIsNoticed) {
  touch_all();
  std::filesystem::resize_file(file(), entry_.bytes - 10);

  EXPECT_THAT(read_all(), HasSubstr("it was changed while it was being read"));
}

TEST_F(ChangingShard, VanishedIsNoticedBeforeAndAfterItWasRead) {
  std::filesystem::remove(file());
  EXPECT_THAT(read_all(), HasSubstr("vanished while it was being read"));

  SetUp();
  touch_all();
  std::filesystem::remove(file());
  EXPECT_THAT(read_all(), HasSubstr("vanished while it was being read"));
}

TEST_F(ChangingShard, WrittenToIsNoticedBeforeAndAfterItWasRead) {
  overwrite(file(), entry_.bytes - 1, "x");
  EXPECT_THAT(read_all(), HasSubstr("was changed while it was being read"));

  SetUp();
  touch_all();
  overwrite(file(), entry_.bytes - 1, "x");
  EXPECT_THAT(read_all(), HasSubstr("was changed while it was being read"));
}

TEST_F(ChangingShard, ReplacedIsNoticed) {
  touch_all();
  std::filesystem::copy_file(file(), directory_ / "other.h5");
  std::filesystem::rename(directory_ / "other.h5", file());

  EXPECT_THAT(read_all(), HasSubstr("was replaced by another file while it was being read"));
}

TEST_F(ChangingShard, ALockThatSomeoneElseHoldsIsNoHindrance) {
  const int descriptor = ::open(file().c_str(), O_RDWR);
  ASSERT_EQ(::flock(descriptor, LOCK_EX | LOCK_NB), 0);

  EXPECT_NO_THROW(open_samples(directory_.path()));

  ::close(descriptor);
}

TEST(MappingGuard, OtherBusErrorsAreNotSwallowed) {
  testing::TemporaryDirectory directory;
  std::ofstream(directory / "guarded") << std::string(10000, 'x');
  std::ofstream(directory / "bare") << std::string(10000, 'x');
  const MappedFile guarded(directory / "guarded");
  const int descriptor = ::open((directory / "bare").c_str(), O_RDONLY);
  const auto* bare =
      static_cast<const char*>(::mmap(nullptr, 10000, PROT_READ, MAP_SHARED, descriptor, 0));
  std::filesystem::resize_file(directory / "bare", 0);

  EXPECT_DEATH({ [[maybe_unused]] volatile char byte = bare[5000]; }, "");

  ::munmap(const_cast<char*>(bare), 10000);
  ::close(descriptor);
}

}  // namespace
}  // namespace bertyard
