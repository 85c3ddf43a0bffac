// Files to and from the artifact store, in chunks, checked by their digest.
#pragma once

#include <string>
#include <string_view>

#include "clients/cli/client.h"

namespace graphkiln::cli {

struct Transfer {
  std::string sha256;
  int64_t bytes = 0;
};

/// Uploads a file; what the server has already costs one message.
CallError UploadFile(Client& client, const std::string& path, Transfer* transfer);

/// Downloads `name` (as DownloadArtifactRequest.name) to `path`, which appears only when complete
/// and correct.
CallError DownloadFile(Client& client, std::string_view name, const std::string& path,
                       Transfer* transfer);

}  // namespace graphkiln::cli
