// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bertyard {

// A UDP socket on a port that the system chose. Owns the descriptor.
class DatagramSocket {
 public:
  // In the order of the network.
  struct Address {
    std::uint32_t host = 0;
    std::uint16_t port = 0;
  };

  // Throws EnvironmentError where there is none to be had.
  DatagramSocket();
  ~DatagramSocket();
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;

  // "40123 10.0.0.7 172.17.0.1": the port and where this host may be reached, itself included.
  std::string addresses() const;
  // Back again; the loopback only where `same_host`. Nothing of a text that is no such list.
  static std::vector<Address> parse(const std::string& addresses, bool same_host);

  // What cannot be sent is lost, as a datagram may be at any time.
  void send(std::span<const std::byte> bytes, std::span<const Address> to) const noexcept;
  // Waits `limit` at most; the bytes of one datagram, 0 where none came.
  std::size_t receive(std::span<std::byte> bytes, std::chrono::milliseconds limit) const noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace bertyard
