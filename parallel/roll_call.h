// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace bertyard {

// Says which ranks of a job have not reached MPI, which cannot be asked then: it waits for them.
// A rank that waits there leaves a small file in a directory that the hosts share. Where nobody
// waits long no file is written.
class RollCall {
 public:
  struct Setting {
    std::filesystem::path directory;  // made when the first rank signs
    int rank = 0;
    int size = 1;
    int local_size = 0;  // ranks of this host; 0: not known
    std::string host;
  };
  explicit RollCall(Setting setting) : setting_(std::move(setting)) {}

  // Here I am. Without effect where the directory cannot be written.
  void sign() const noexcept;
  // Takes this rank's file away, and the directory with the last of them.
  void leave() const noexcept;
  // The end of a start that failed, after its report. Ranks give up one after the other: who goes
  // first must not be missing to those who still look. Rank 0, whose report is shown, goes at once
  // and takes everybody's files away; the others linger.
  void give_up() const noexcept;
  // "1 of 2 ranks reached MPI in 60 s; missing: rank 1 on n2": the host is named where only one of
  // the hosts has fewer ranks here than it should. Files of a start more than `seconds` before this
  // rank's own signature are not counted.
  std::string report(double seconds) const;

 private:
  std::filesystem::path file_of(int rank) const;

  Setting setting_;
};

}  // namespace bertyard
