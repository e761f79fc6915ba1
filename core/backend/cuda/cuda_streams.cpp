// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_streams.h"

#include <utility>

namespace bertyard {
namespace {

class CudaEvent : public Event {
 public:
  void record(Stream& stream) override {
    BERTYARD_CHECK_CUDA(cudaEventRecord(event_.get(), native_stream(stream)));
  }
  void make_wait(Stream& stream) override {
    BERTYARD_CHECK_CUDA(cudaStreamWaitEvent(native_stream(stream), event_.get(), 0));
  }
  // These two may come from a thread that has not used CUDA yet, for which the runtime would set up
  // the first GPU.
  void synchronize() override {
    BERTYARD_CHECK_CUDA(cudaSetDevice(device_));
    BERTYARD_CHECK_CUDA(cudaEventSynchronize(event_.get()));
  }
  bool done() override {
    BERTYARD_CHECK_CUDA(cudaSetDevice(device_));
    const cudaError_t code = cudaEventQuery(event_.get());
    if (code == cudaErrorNotReady) return false;
    BERTYARD_CHECK_CUDA(code);
    return true;
  }

 private:
  static int current_device() {
    int device = 0;
    BERTYARD_CHECK_CUDA(cudaGetDevice(&device));
    return device;
  }

  int device_ = current_device();
  CudaEventHandle event_ = make_cuda_event(EventTiming::no);
};

class CudaGraph : public Graph {
 public:
  explicit CudaGraph(CudaGraphExecHandle graph) : graph_(std::move(graph)) {}
  void launch(Stream& stream) override {
    BERTYARD_CHECK_CUDA(cudaGraphLaunch(graph_.get(), native_stream(stream)));
  }

 private:
  CudaGraphExecHandle graph_;
};

}  // namespace

cudaStream_t native_stream(const Stream& stream) {
  return static_cast<cudaStream_t>(stream.native());
}

std::unique_ptr<Event> make_cuda_device_event() {
  return std::make_unique<CudaEvent>();
}

std::unique_ptr<Graph> capture_cuda_graph(const CudaStream& stream,
                                          const std::function<void()>& work) {
  BERTYARD_CHECK_CUDA(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(stream.get(), &graph));
    const CudaGraphHandle half_done(graph);
    static_cast<void>(cudaGetLastError());
    throw;
  }
  BERTYARD_CHECK_CUDA(cudaStreamEndCapture(stream.get(), &graph));
  const CudaGraphHandle recorded(graph);
  cudaGraphExec_t executable = nullptr;
  BERTYARD_CHECK_CUDA(cudaGraphInstantiate(&executable, graph, 0));
  return std::make_unique<CudaGraph>(CudaGraphExecHandle(executable));
}

}  // namespace bertyard
