#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {

void AddAllMethods(MethodTable& table, Services& services) {
  AddCompileMethods(table, services);
  AddGraphMethods(table, services);
  AddNodeRegistryMethods(table, services);
  AddJobMethods(table, services);
  AddDatasetMethods(table, services);
  AddArtifactMethods(table, services);
  AddSystemMethods(table, services);
  AddWorkerMethods(table, services);
}

}  // namespace graphkiln::coordinator
