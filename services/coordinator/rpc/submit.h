// SubmitJob: from a request to a checked, compiled job that the queue takes. Runs on the executor.
#pragma once

#include "graphkiln/v1/job_service.pb.h"
#include "services/coordinator/rpc/call.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {

/// Answers with the accepted job; with `validate_only` the resolved one. A graph or job with errors
/// is INVALID_ARGUMENT with all diagnostics.
void SubmitJob(Services& services, const CallPtr& call, v1::SubmitJobRequest& request,
               const Reply<v1::SubmitJobResponse>& reply);

}  // namespace graphkiln::coordinator
