// What the nodes of a graph give, as clients get it: many small messages in few pieces of memory,
// which are made and freed at once. Filled in by the compiler, then read-only; copies share it.
#pragma once

#include <cstddef>
#include <memory>

#include "google/protobuf/arena.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "graphkiln/v1/compile_service.pb.h"

namespace graphkiln::compiler {

class NodeTypesList {
 public:
  v1::NodeTypes* Add() {
    if (nodes_ == nullptr) {
      google::protobuf::ArenaOptions options;
      options.start_block_size = 4 << 10;
      options.max_block_size = 1 << 20;
      arena_ = std::make_shared<google::protobuf::Arena>(options);
      nodes_ = google::protobuf::Arena::CreateMessage<Field>(arena_.get());
    }
    return nodes_->Add();
  }

  size_t size() const { return static_cast<size_t>(get().size()); }
  bool empty() const { return get().empty(); }
  const v1::NodeTypes& operator[](size_t i) const { return get()[static_cast<int>(i)]; }
  auto begin() const { return get().begin(); }
  auto end() const { return get().end(); }

 private:
  using Field = google::protobuf::RepeatedPtrField<v1::NodeTypes>;

  const Field& get() const {
    static const Field* const kNone = new Field();
    return nodes_ != nullptr ? *nodes_ : *kNone;
  }

  std::shared_ptr<google::protobuf::Arena> arena_;
  Field* nodes_ = nullptr;  // in the arena
};

}  // namespace graphkiln::compiler
