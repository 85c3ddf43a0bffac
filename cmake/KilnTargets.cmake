# How a folder becomes a target. Every folder's CMakeLists.txt is one or two calls of these:
#
#   kiln_library(NAME DEPS lib... [SUBDIRS ops...] [SRCS file...] [PCH torch|grpc|cli] [UNITY n])
#     A static library of the folder's *.cc (and of the named sub-folders); main.cc is left out.
#     With no source yet it is an interface library, so that its users still configure.
#   kiln_program(NAME DEPS lib... [SRCS file...] [PCH torch|grpc|cli])
#     A program in build/<preset>/bin of main.cc, or of SRCS.
#   kiln_unit_tests(PATH DEPS lib... [PCH torch|grpc|cli])
#     One test binary `unit_<path>` of tests/unit/PATH/*_test.cc, registered with ctest.
#
# PCH names the precompiled header in cmake/pch, or the trainer's (default: common; the tests': gtest). UNITY compiles
# that many sources at a time, where the headers cost far more than the sources themselves.
#
# Include paths start at the repository root.

# Options, include paths and dependencies that all our targets share.
function(kiln_target_defaults target)
  target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_compile_options(${target} PRIVATE ${KILN_WARNINGS})
endfunction()

# Links `target` with `ARGN`; a library of ours that does not exist is an error here, not at link time.
function(kiln_link target scope)
  foreach(_dep IN LISTS ARGN)
    if(_dep MATCHES "^(kiln_|LibTorch::)" AND NOT TARGET ${_dep})
      message(FATAL_ERROR "${target} wants ${_dep}, which no folder before it defines")
    endif()
    target_link_libraries(${target} ${scope} ${_dep})
  endforeach()
endfunction()

# Makes the shared precompiled header `kind` on its first use and applies it to `target`.
function(kiln_use_pch target kind)
  if(NOT KILN_PCH)
    return()
  endif()
  set(_pch kiln_pch_${kind})
  if(NOT TARGET ${_pch})
    add_library(${_pch} OBJECT "${CMAKE_SOURCE_DIR}/cmake/pch/empty.cc")
    kiln_target_defaults(${_pch})
    # The same definitions as in the users, or the compiler refuses the header. None of ours is linked,
    # for ours are built with it.
    target_link_libraries(${_pch} PRIVATE fmt::fmt spdlog::spdlog absl::flat_hash_map
      absl::flat_hash_set absl::statusor absl::strings absl::time absl::span protobuf::libprotobuf)
    set(_header cmake/pch/${kind}.h)
    if(kind STREQUAL "common")
    elseif(kind STREQUAL "torch")
      set(_header services/worker/trainer/torch_pch.h)  # No other folder may include torch
      target_link_libraries(${_pch} PRIVATE LibTorch::cpu)
    elseif(kind STREQUAL "grpc")
      target_link_libraries(${_pch} PRIVATE gRPC::grpc++)
    elseif(kind STREQUAL "cli")
      target_link_libraries(${_pch} PRIVATE gRPC::grpc++ CLI11::CLI11 nlohmann_json::nlohmann_json)
    elseif(kind STREQUAL "gtest")
      target_link_libraries(${_pch} PRIVATE GTest::gmock)
    else()
      message(FATAL_ERROR "no precompiled header called ${kind}")
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${_pch} PRIVATE -fpch-preprocess)  # ccache asks for it
    endif()
    # In angle brackets, found by the include path: a path of this machine inside the generated header
    # would keep ccache from serving another checkout.
    target_precompile_headers(${_pch} PRIVATE <${_header}>)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${_pch})
endfunction()

function(kiln_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PCH;UNITY" "DEPS;SUBDIRS;SRCS")
  set(_patterns "*.cc")
  foreach(_dir IN LISTS arg_SUBDIRS)
    list(APPEND _patterns "${_dir}/*.cc")
  endforeach()
  set(_srcs ${arg_SRCS})
  if(NOT _srcs)
    file(GLOB _srcs CONFIGURE_DEPENDS ${_patterns})
    list(FILTER _srcs EXCLUDE REGEX "/main\\.cc$")
  endif()
  if(_srcs)
    add_library(${name} STATIC ${_srcs})
    kiln_target_defaults(${name})
    kiln_link(${name} PUBLIC ${arg_DEPS})
    if(NOT arg_PCH)
      set(arg_PCH common)
    endif()
    kiln_use_pch(${name} ${arg_PCH})
    if(arg_UNITY AND KILN_PCH)
      set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${arg_UNITY})
    endif()
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE "${CMAKE_SOURCE_DIR}")
    kiln_link(${name} INTERFACE ${arg_DEPS})
  endif()
endfunction()

function(kiln_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PCH" "DEPS;SRCS")
  set(_srcs ${arg_SRCS})
  if(NOT _srcs)
    set(_srcs main.cc)
  endif()
  foreach(_src IN LISTS _srcs)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${_src}")
      message(STATUS "${name}: ${_src} is not there, left out")
      return()
    endif()
  endforeach()
  add_executable(${name} ${_srcs})
  kiln_target_defaults(${name})
  kiln_link(${name} PRIVATE ${arg_DEPS})
  if(NOT arg_PCH)
    set(arg_PCH common)
  endif()
  kiln_use_pch(${name} ${arg_PCH})
endfunction()

# Gives a program tcmalloc, where it is there.
function(kiln_use_tcmalloc target)
  find_library(KILN_TCMALLOC tcmalloc_minimal)
  if(KILN_TCMALLOC AND NOT KILN_SANITIZE AND TARGET ${target})
    target_link_options(${target} PRIVATE LINKER:--no-as-needed)
    target_link_libraries(${target} PRIVATE ${KILN_TCMALLOC})
  endif()
endfunction()

function(kiln_unit_tests path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PCH" "DEPS")
  file(GLOB _srcs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/unit/${path}/*_test.cc")
  if(NOT _srcs)
    return()
  endif()
  string(MAKE_C_IDENTIFIER "unit_${path}" _name)
  add_executable(${_name} ${_srcs})
  kiln_target_defaults(${_name})
  kiln_link(${_name} PRIVATE ${arg_DEPS} GTest::gmock_main)
  if(NOT arg_PCH)
    set(arg_PCH gtest)
  endif()
  kiln_use_pch(${_name} ${arg_PCH})
  add_test(NAME ${_name} COMMAND ${_name} --gtest_brief=1
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${_name} PROPERTIES TIMEOUT 120 LABELS unit)
  add_dependencies(unit_tests ${_name})
endfunction()
