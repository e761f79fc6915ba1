// SPDX-License-Identifier: Apache-2.0
// Do the watchdog's heartbeats, UDP beside MPI, pass between the ranks?
#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "launch/doctor/doctor.h"
#include "parallel/agreement.h"
#include "parallel/datagram_socket.h"
#include "parallel/watchdog.h"

namespace bertyard {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Grade = Finding::Grade;

constexpr milliseconds kWindow{5000};  // where something is lost; else it takes a moment
constexpr milliseconds kRound{50};
constexpr int kFarewells = 3;  // datagrams may be lost

enum class LetterKind : std::uint32_t { question = 1, answer = 2, farewell = 3 };
struct Letter {
  std::uint64_t key = 0;  // of this test
  LetterKind kind = LetterKind::question;
  std::int32_t rank = 0;
};

// Every rank asks those to which the watchdog would send, and they answer.
class HeartbeatTest {
 public:
  HeartbeatTest(ProcessGroup& group, const std::vector<int>& judges)
      : rank_(group.rank()), judges_(judges), left_(static_cast<std::size_t>(group.size())) {
    std::string addresses;
    try {
      socket_ = std::make_unique<DatagramSocket>();
      addresses = socket_->addresses();
    } catch (const EnvironmentError&) {
      addresses.clear();  // nobody hears of this rank, which is what the findings say
    }
    key_ = std::hash<std::string>{}(
        group.control->broadcast_string("doctor: heartbeats' key", addresses));
    const std::string& own_host = group.hosts[static_cast<std::size_t>(rank_)];
    const auto all = group.control->all_gather_strings("doctor: heartbeats' addresses", addresses);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      peers_.push_back(DatagramSocket::parse(all[rank], group.hosts[rank] == own_host));
    }
  }

  // The judges that answered this rank.
  std::vector<int> run(std::chrono::duration<double> limit) {
    if (socket_ == nullptr) return {};
    const auto window = std::chrono::duration_cast<milliseconds>(limit);
    const Clock::time_point end = Clock::now() + std::min(window, kWindow);
    while (Clock::now() < end && !is_over()) {
      for (const int judge : judges_) {
        if (judge != rank_ && !has_answered(judge)) send(LetterKind::question, judge);
      }
      receive_until(Clock::now() + kRound);
      if (all_answered()) say_farewell();
    }
    return answered_;
  }

 private:
  bool has_answered(int judge) const {
    return std::find(answered_.begin(), answered_.end(), judge) != answered_.end();
  }
  bool all_answered() const {
    return std::all_of(judges_.begin(), judges_.end(),
                       [this](int judge) { return judge == rank_ || has_answered(judge); });
  }
  bool is_judge() const {
    return std::find(judges_.begin(), judges_.end(), rank_) != judges_.end();
  }
  // A judge stays for the others.
  bool is_over() const {
    if (!is_judge()) return all_answered();
    const auto others = static_cast<std::ptrdiff_t>(left_.size()) - 1;
    return all_answered() && std::count(left_.begin(), left_.end(), true) == others;
  }
  void say_farewell() {
    for (int i = 0; i < kFarewells && !said_farewell_; ++i) {
      for (const int judge : judges_) {
        if (judge != rank_) send(LetterKind::farewell, judge);
      }
    }
    said_farewell_ = true;
  }
  void send(LetterKind kind, int to) const {
    const Letter letter{key_, kind, rank_};
    socket_->send(std::as_bytes(std::span(&letter, 1)), peers_[static_cast<std::size_t>(to)]);
  }
  void receive_until(Clock::time_point end) {
    while (Clock::now() < end && !is_over()) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
      Letter letter;
      const std::size_t bytes = socket_->receive(std::as_writable_bytes(std::span(&letter, 1)),
                                                 std::max(left, milliseconds(1)));
      const bool is_ours = bytes == sizeof letter && letter.key == key_ && letter.rank >= 0 &&
                           static_cast<std::size_t>(letter.rank) < peers_.size();
      if (is_ours) take(letter);
    }
  }
  void take(const Letter& letter) {
    if (letter.kind == LetterKind::question) send(LetterKind::answer, letter.rank);
    if (letter.kind == LetterKind::farewell) left_[static_cast<std::size_t>(letter.rank)] = true;
    if (letter.kind == LetterKind::answer && !has_answered(letter.rank)) {
      answered_.push_back(letter.rank);
    }
  }

  int rank_;
  std::vector<int> judges_;
  std::vector<bool> left_;  // by rank: needs no answer any more
  std::unique_ptr<DatagramSocket> socket_;
  std::uint64_t key_ = 0;
  std::vector<std::vector<DatagramSocket::Address>> peers_;  // by rank
  std::vector<int> answered_;
  bool said_farewell_ = false;
};

}  // namespace

Findings judge_heartbeats(const std::vector<std::string>& hosts, const std::vector<int>& judges,
                          const std::vector<std::vector<int>>& answers) {
  Findings findings;
  for (const int judge : judges) {
    std::vector<int> unheard;
    for (std::size_t rank = 0; rank < answers.size(); ++rank) {
      const auto& heard = answers[rank];
      const bool is_other = static_cast<int>(rank) != judge;
      if (is_other && std::find(heard.begin(), heard.end(), judge) == heard.end()) {
        unheard.push_back(static_cast<int>(rank));
      }
    }
    if (unheard.empty()) continue;
    findings.push_back(
        {Grade::warning, "UDP",
         fmt::format("none passes between rank {} on {} and rank(s) {} ({} first): the watchdog "
                     "will not notice that they fall silent",
                     judge, hosts[static_cast<std::size_t>(judge)], rank_list(unheard),
                     hosts[static_cast<std::size_t>(unheard.front())]),
         "open UDP between the hosts of the job (any port), in the firewall of both"});
  }
  if (!findings.empty()) return findings;
  return {{Grade::ok, "UDP", "the watchdog's heartbeats pass between the ranks", ""}};
}

Findings test_heartbeats(ProcessGroup& group, std::chrono::duration<double> limit) {
  if (group.size() == 1) return {{Grade::ok, "UDP", "one rank sends no heartbeats", ""}};
  const std::vector<int> judges = Watchdog::judges_of(group.hosts);
  const std::vector<int> answered = HeartbeatTest(group, judges).run(limit);
  std::vector<std::vector<int>> answers;
  for (const std::string& text : group.control->all_gather_strings(
           "doctor: heartbeats heard", fmt::format("{}", fmt::join(answered, " ")))) {
    std::istringstream words(text);
    answers.push_back({std::istream_iterator<int>(words), {}});
  }
  return judge_heartbeats(group.hosts, judges, answers);
}

}  // namespace bertyard
