// The protos that the trainer speaks. `v1` here is the trainer's own protocol; `api` is the public
// one.
#pragma once

#include "graphkiln/trainer/v1/trainer.pb.h"
#include "graphkiln/v1/ir.pb.h"
#include "graphkiln/v1/job.pb.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::trainer {

namespace api = ::graphkiln::v1;

}  // namespace graphkiln::trainer
