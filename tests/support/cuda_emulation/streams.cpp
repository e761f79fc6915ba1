// SPDX-License-Identifier: Apache-2.0
// Streams, events and graphs of the CUDA runtime.
#include "tests/support/cuda_emulation/streams.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <set>

#include "core/base/error.h"

struct CUgraph_st {
  std::vector<bertyard::emulation::Work> works;  // in the order of the calls
  std::vector<CUstream_st*> streams;             // the first began the capture
};
struct CUgraphExec_st {
  std::vector<bertyard::emulation::Work> works;
};
struct CUstream_st {
  std::deque<bertyard::emulation::Work> works;
  std::uint64_t enqueued = 0, done = 0;
  CUgraph_st* graph = nullptr;             // captured into
  std::uint64_t captured = 0, joined = 0;  // works in the graph; of these, waited for by others
};
struct CUevent_st {
  CUstream_st* stream = nullptr;  // null: never recorded, hence complete
  std::uint64_t position = 0;     // of that stream
  CUgraph_st* graph = nullptr;    // recorded while captured
  std::chrono::steady_clock::time_point time;
};

namespace bertyard::emulation {
namespace {

// One lock for all: taken again by work that waits for other streams.
std::recursive_mutex mutex;
std::set<CUstream_st*> streams;
thread_local cudaError_t last_error = cudaSuccess;

void run_until(CUstream_st* stream, std::uint64_t position) {
  while (streams.count(stream) != 0 && stream->done < position && !stream->works.empty()) {
    const Work work = std::move(stream->works.front());
    stream->works.pop_front();
    ++stream->done;
    try {
      work();
    } catch (...) {
      stream->works.clear();
      stream->done = stream->enqueued;
      throw;
    }
  }
}

void run_all() {
  const std::set<CUstream_st*> now = streams;
  for (CUstream_st* stream : now) run_until(stream, stream->enqueued);
}

}  // namespace

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

bool anything_captured() {
  const std::lock_guard lock(mutex);
  return std::any_of(streams.begin(), streams.end(),
                     [](const CUstream_st* s) { return s->graph != nullptr; });
}

void enqueue(cudaStream_t stream, Work work) {
  const std::lock_guard lock(mutex);
  if (stream == nullptr) {
    BERTYARD_CHECK(!anything_captured(),
                   "emulated CUDA: the legacy default stream is used while a stream is captured");
    run_all();
    work();
    return;
  }
  BERTYARD_CHECK(streams.count(stream) != 0, "emulated CUDA: work for a stream that is destroyed");
  if (stream->graph != nullptr) {
    stream->graph->works.push_back(std::move(work));
    ++stream->captured;
    return;
  }
  stream->works.push_back(std::move(work));
  ++stream->enqueued;
}

void enqueue_kernel(cudaStream_t stream, KernelCall call) {
  enqueue(stream, [call = std::move(call)] { run_grid(call); });
}

void drain(cudaStream_t stream) {
  const std::lock_guard lock(mutex);
  if (stream == nullptr) return run_all();
  run_until(stream, stream->enqueued);
}

}  // namespace bertyard::emulation

using bertyard::emulation::mutex;
using bertyard::emulation::remember;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t error = bertyard::emulation::last_error;
  bertyard::emulation::last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() {
  return bertyard::emulation::last_error;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned /*flags*/,
                                         int /*priority*/) {
  const std::lock_guard lock(mutex);
  *stream = new CUstream_st;
  bertyard::emulation::streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithPriority(stream, 0, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(mutex);
  try {
    bertyard::emulation::drain(stream);
  } catch (const bertyard::Error&) {
    remember(cudaErrorLaunchFailure);  // destructors call this: nobody can catch
  }
  bertyard::emulation::streams.erase(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream != nullptr && stream->graph != nullptr) {
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  bertyard::emulation::drain(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const std::lock_guard lock(mutex);
  if (stream->works.empty()) return cudaSuccess;
  bertyard::emulation::drain(stream);  // who polls makes progress, from the second poll on
  return cudaErrorNotReady;
}
cudaError_t cudaDeviceSynchronize() {
  if (bertyard::emulation::anything_captured()) {
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  bertyard::emulation::drain(nullptr);
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  bertyard::emulation::enqueue(stream, [function, data] { function(data); });
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard lock(mutex);
  event->time = std::chrono::steady_clock::now();
  event->graph = nullptr;
  event->stream = stream;
  if (stream == nullptr) {
    bertyard::emulation::drain(nullptr);
  } else if (stream->graph != nullptr) {
    event->graph = stream->graph;
    event->position = stream->captured;
  } else {
    event->position = stream->enqueued;
  }
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard lock(mutex);
  if (event->graph != nullptr) return remember(cudaErrorCapturedEvent);
  bertyard::emulation::run_until(event->stream, event->position);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::lock_guard lock(mutex);
  if (event->graph != nullptr) return remember(cudaErrorCapturedEvent);
  const bool open = bertyard::emulation::streams.count(event->stream) != 0;
  if (!open || event->stream->done >= event->position) return cudaSuccess;
  bertyard::emulation::run_until(event->stream, event->position);
  return cudaErrorNotReady;
}
// Of the host between the calls: the device's time means nothing here.
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  *ms = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned /*flags*/) {
  const std::lock_guard lock(mutex);
  if (event->graph != nullptr) {
    if (stream->graph != nullptr && stream->graph != event->graph) {
      return remember(cudaErrorStreamCaptureMerge);
    }
    if (stream->graph == nullptr) {
      stream->graph = event->graph;
      stream->captured = stream->joined = 0;
      event->graph->streams.push_back(stream);
    }
    event->stream->joined = std::max(event->stream->joined, event->position);
    return cudaSuccess;
  }
  if (event->stream == nullptr) return cudaSuccess;
  if (stream != nullptr && stream->graph != nullptr) {
    return remember(cudaErrorStreamCaptureIsolation);
  }
  bertyard::emulation::enqueue(stream, [from = event->stream, position = event->position] {
    bertyard::emulation::run_until(from, position);
  });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode /*mode*/) {
  const std::lock_guard lock(mutex);
  if (stream == nullptr || stream->graph != nullptr) {
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  stream->graph = new CUgraph_st;
  stream->graph->streams.push_back(stream);
  stream->captured = stream->joined = 0;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream != nullptr && stream->graph != nullptr ? cudaStreamCaptureStatusActive
                                                          : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(mutex);
  *graph = nullptr;
  if (stream == nullptr || stream->graph == nullptr) {
    return remember(cudaErrorIllegalState);
  }
  CUgraph_st* captured = stream->graph;
  if (captured->streams.front() != stream) return remember(cudaErrorStreamCaptureUnmatched);
  bool all_joined = true;
  for (CUstream_st* each : captured->streams) {
    all_joined = all_joined && (each == stream || each->joined >= each->captured);
    each->graph = nullptr;
  }
  if (!all_joined) {
    delete captured;
    return remember(cudaErrorStreamCaptureUnjoined);
  }
  *graph = captured;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long /*flags*/) {
  *executable = new CUgraphExec_st{graph->works};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  bertyard::emulation::enqueue(stream, [works = executable->works] {
    for (const auto& work : works) work();
  });
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t /*executable*/, cudaStream_t /*stream*/) {
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

}  // extern "C"
