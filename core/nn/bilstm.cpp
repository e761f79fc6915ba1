// SPDX-License-Identifier: Apache-2.0
#include "core/nn/bilstm.h"

namespace bertyard {
namespace {

LstmConfig reader_config(std::int64_t inputs, std::int64_t cells, Direction direction) {
  return {.inputs = inputs, .cells = cells, .outputs = cells, .direction = direction};
}

}  // namespace

BiLstm::BiLstm(ParameterStore& parameters, const std::string& prefix, std::int64_t inputs,
               std::int64_t cells)
    : inputs_(inputs),
      cells_(cells),
      readers_{Reader{Lstm(parameters, prefix + ".forward",
                           reader_config(inputs, cells, Direction::forward)),
                      {},
                      {},
                      {}},
               Reader{Lstm(parameters, prefix + ".backward",
                           reader_config(inputs, cells, Direction::backward)),
                      {},
                      {},
                      {}}} {}

void BiLstm::plan(ArenaPlan& plan, std::int64_t tokens, Mode mode) {
  const bool training = mode == Mode::training;
  const LstmConfig reader = reader_config(inputs_, cells_, Direction::forward);
  joined_ = plan.add(DType::f32, {tokens, width()});
  LstmSlots shared;
  if (!training) shared = LstmSlots::plan(plan, reader, tokens);
  for (Reader& direction : readers_) {
    direction.saved = training ? LstmSlots::plan(plan, reader, tokens) : shared;
    direction.state = plan.add(DType::f32, {tokens, cells_});
    if (training) direction.dstate = plan.add(DType::f32, {tokens, cells_});
  }
  if (training) djoined_ = plan.add(DType::f32, {tokens, width()});
}

TensorView BiLstm::forward(const Pass& pass, const Arena& arena, ConstTensorView x) const {
  const std::int64_t tokens = x.rows();
  const TensorView joined = rows(arena, joined_, tokens);
  for (const Reader& reader : readers_) {
    reader.lstm.forward(pass, reader.saved.views(arena, tokens), rows(arena, reader.state, tokens),
                        x);
  }
  pass.recurrent->join_columns(joined, rows(arena, readers_[0].state, tokens),
                               rows(arena, readers_[1].state, tokens));
  return joined;
}

TensorView BiLstm::output_gradient(const Arena& arena, std::int64_t tokens) const {
  return rows(arena, djoined_, tokens);
}

void BiLstm::backward(const Pass& pass, const Arena& arena, TensorView dx,
                      ConstTensorView x) const {
  const std::int64_t tokens = x.rows();
  pass.recurrent->split_columns(rows(arena, readers_[0].dstate, tokens),
                                rows(arena, readers_[1].dstate, tokens),
                                output_gradient(arena, tokens));
  for (const Reader& reader : readers_) {
    const bool is_first = &reader == &readers_.front();
    reader.lstm.backward(pass, reader.saved.views(arena, tokens),
                         {.dx = dx,
                          .dy = rows(arena, reader.dstate, tokens),
                          .y = rows(arena, reader.state, tokens),
                          .x = x,
                          .accumulate = is_first ? Accumulate::no : Accumulate::yes});
  }
}

}  // namespace bertyard
