# Finds LibTorch in the pip wheel of torch (or an unpacked libtorch zip), without its own CMake files:
# those pull in CUDA toolkits and flags that nothing here needs.
#
#   TORCH_ROOT  the wheel's `torch` folder, or the unpacked zip; cache variable or environment.
#               Default: the checkout's own .venv, then the `torch` that python3 would import.
#
# Targets: LibTorch::c10, LibTorch::cpu and, where the CUDA libraries and headers are present,
# LibTorch::cuda. Variables: LibTorch_FOUND, LibTorch_VERSION.

set(TORCH_ROOT "$ENV{TORCH_ROOT}" CACHE PATH "The torch package's folder, or an unpacked libtorch")
if(NOT TORCH_ROOT)
  file(GLOB _torch_candidates "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
  if(_torch_candidates)
    list(GET _torch_candidates 0 _torch_found)
  else()
    find_package(Python3 QUIET COMPONENTS Interpreter)
    if(Python3_EXECUTABLE)
      # find_spec tells the place without importing torch.
      execute_process(
        COMMAND "${Python3_EXECUTABLE}" -c
          "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
        OUTPUT_VARIABLE _torch_found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
  endif()
  if(_torch_found)
    set(TORCH_ROOT "${_torch_found}" CACHE PATH "" FORCE)
  endif()
endif()

find_path(LibTorch_HEADERS ATen/ATen.h PATHS "${TORCH_ROOT}/include" NO_DEFAULT_PATH)
foreach(_lib c10 torch_cpu c10_cuda torch_cuda)
  find_library(LibTorch_${_lib} ${_lib} PATHS "${TORCH_ROOT}/lib" NO_DEFAULT_PATH)
endforeach()

set(_version_header "${LibTorch_HEADERS}/torch/headeronly/version.h")
if(EXISTS "${_version_header}")
  file(STRINGS "${_version_header}" _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" _lines "${_lines}")
  string(REPLACE ";" "." LibTorch_VERSION "${_lines}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_torch_cpu LibTorch_c10 LibTorch_HEADERS
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run deploy/setup --build, or give -DTORCH_ROOT=<folder of torch>")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  # The wheel's include folder also holds google/protobuf 3.13, which would shadow Debian's 3.21.
  # Only the folders that are torch's own are put on the include path.
  set(_include "${CMAKE_BINARY_DIR}/torch-include")
  file(MAKE_DIRECTORY "${_include}")
  foreach(_dir ATen c10 caffe2 torch)
    file(CREATE_LINK "${LibTorch_HEADERS}/${_dir}" "${_include}/${_dir}" SYMBOLIC)
  endforeach()

  # The wheel's libraries find NVIDIA's at run time by their own RPATH; the linker has to be told.
  get_filename_component(_site "${TORCH_ROOT}/.." REALPATH)
  file(GLOB _nvidia_lib LIST_DIRECTORIES true "${_site}/nvidia/*/lib")
  file(GLOB _nvidia_include LIST_DIRECTORIES true
    "${_site}/nvidia/cu*/include" "${_site}/nvidia/nccl/include")
  list(APPEND _nvidia_include ${TORCH_CUDA_EXTRA_INCLUDE})
  list(TRANSFORM _nvidia_lib PREPEND "LINKER:-rpath-link,")

  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES
    IMPORTED_LOCATION "${LibTorch_c10}"
    INTERFACE_INCLUDE_DIRECTORIES "${_include};${_include}/torch/csrc/api/include")
  add_library(LibTorch::cpu SHARED IMPORTED)
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION "${LibTorch_torch_cpu}"
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    INTERFACE_LINK_OPTIONS "${_nvidia_lib}")

  find_path(LibTorch_CRT crt/host_defines.h PATHS ${_nvidia_include} NO_DEFAULT_PATH)
  if(LibTorch_torch_cuda AND LibTorch_CRT)
    add_library(LibTorch::cuda SHARED IMPORTED)
    set_target_properties(LibTorch::cuda PROPERTIES
      IMPORTED_LOCATION "${LibTorch_torch_cuda}"
      INTERFACE_INCLUDE_DIRECTORIES "${_nvidia_include}"
      INTERFACE_LINK_OPTIONS "LINKER:--no-as-needed"
      INTERFACE_LINK_LIBRARIES "${LibTorch_c10_cuda};LibTorch::cpu")
  endif()
endif()
