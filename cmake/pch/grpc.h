// Precompiled once for the folders that speak gRPC.
#include <grpcpp/grpcpp.h>

#include "cmake/pch/common.h"
