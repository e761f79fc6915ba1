// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "parallel/communicator.h"

namespace bertyard::testing {

// f32 [n] in the memory of a device.
class DeviceValues {
 public:
  DeviceValues(Device& device, const std::vector<float>& values)
      : device_(device),
        elements_(static_cast<std::int64_t>(values.size())),
        buffer_(device.allocate(values.size() * sizeof(float))) {
    device_.copy(view(), {values.data(), DType::f32, {elements_}}, CopyDirection::host_to_device,
                 device_.compute_stream());
    device_.synchronize();
  }
  TensorView view() const { return {buffer_.data(), DType::f32, {elements_}}; }
  std::vector<float> values() const {
    std::vector<float> result(static_cast<std::size_t>(elements_));
    device_.copy(view_of(std::span(result)), view(), CopyDirection::device_to_host,
                 device_.compute_stream());
    device_.synchronize();
    return result;
  }

 private:
  Device& device_;
  std::int64_t elements_;
  Buffer buffer_;
};

// Values that differ from rank to rank and have something to round.
inline std::vector<float> values_of_rank(int rank, std::int64_t elements) {
  std::vector<float> values(static_cast<std::size_t>(elements));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(rank + 1) / static_cast<float>(3 + i);
  }
  return values;
}

// The results of one collective of each kind on a device's memory, one behind the other.
inline std::vector<float> all_collectives(Device& device, Communicator& communicator,
                                          std::int64_t elements) {
  const int rank = communicator.rank();
  const std::int64_t ranks = communicator.size();
  const DeviceValues reduced(device, values_of_rank(rank, elements));
  const DeviceValues wide(device, values_of_rank(rank, ranks * elements));
  const DeviceValues scattered(device, std::vector<float>(static_cast<std::size_t>(elements)));
  const DeviceValues own(device, values_of_rank(rank + 7, elements));
  const DeviceValues gathered(device, values_of_rank(rank + 9, ranks * elements));
  const DeviceValues exchanged(device, values_of_rank(rank + 9, ranks * elements));
  const DeviceValues sent(device, values_of_rank(rank + 5, elements));
  Pending pending[] = {communicator.all_reduce_sum(reduced.view()),
                       communicator.reduce_scatter_sum(wide.view(), scattered.view()),
                       communicator.all_gather(own.view(), gathered.view()),
                       communicator.all_to_all(wide.view(), exchanged.view()),
                       communicator.broadcast(sent.view(), static_cast<int>(ranks) - 1)};
  for (Pending& each : pending) each.wait();
  // In place: this rank's part stands where it belongs.
  const std::int64_t first = rank * elements;
  Pending in_place = communicator.all_gather(wide.view().slice(first, elements), wide.view());
  in_place.wait();
  // Parts of several sizes, one of them empty where there are three ranks, and then of one size.
  const DeviceValues uneven(device, values_of_rank(rank + 3, ranks * elements));
  const DeviceValues even(device, values_of_rank(rank + 4, ranks * elements));
  std::vector<std::int64_t> uneven_cuts(static_cast<std::size_t>(ranks) + 1), even_cuts;
  uneven_cuts.back() = ranks * elements;
  if (ranks > 1) uneven_cuts[uneven_cuts.size() - 2] = elements / 3;
  for (std::int64_t part = 0; part <= ranks; ++part) even_cuts.push_back(part * elements);
  communicator.reduce_parts_sum(uneven.view(), uneven_cuts).wait();
  communicator.reduce_parts_sum(even.view(), even_cuts).wait();
  communicator.all_gather_parts(uneven.view(), uneven_cuts).wait();
  communicator.all_gather_parts(even.view(), even_cuts).wait();
  communicator.barrier().wait();
  std::vector<float> results;
  for (const DeviceValues* each :
       {&reduced, &scattered, &gathered, &exchanged, &sent, &wide, &uneven, &even}) {
    const std::vector<float> values = each->values();
    results.insert(results.end(), values.begin(), values.end());
  }
  return results;
}

}  // namespace bertyard::testing
