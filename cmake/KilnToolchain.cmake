# Compiler, linker and cache settings for the whole tree. Included once by the top CMakeLists.txt.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# -g1 keeps line tables for stack traces at a fraction of the size and time of -g.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

# Everywhere, though only some folders have threads: one precompiled header fits all of them then.
add_compile_options(-pthread)
add_link_options(-pthread)

# __FILE__ in logs and assertions is the path inside the repository, on every machine.
add_compile_options("-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")

if(KILN_SANITIZE)
  add_compile_options("-fsanitize=${KILN_SANITIZE}" -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${KILN_SANITIZE}")
  add_compile_definitions(KILN_SANITIZED=1)
endif()

find_program(KILN_CCACHE ccache)
if(KILN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for with precompiled headers; base dir and no hash dir let
  # build folders of one checkout share results.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    "${KILN_CCACHE}")
endif()

find_program(KILN_MOLD mold)
if(KILN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Warnings are errors, for our own code only: kiln_library and friends apply these, generated code
# does not.
set(KILN_WARNINGS -Wall -Wextra -Werror
  -Wno-missing-field-initializers)  # Designated initialisers leave fields out on purpose.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports both inside libstdc++'s own std::string and std::variant at -O2 (GCC bugs 105651,
  # 105593); with sanitizers on it does so far more often.
  list(APPEND KILN_WARNINGS -Wno-restrict -Wno-maybe-uninitialized -Wno-free-nonheap-object -Wno-array-bounds
       -Wno-stringop-overflow -Wno-stringop-overread)
  if(KILN_SANITIZE)
    list(APPEND KILN_WARNINGS -Wno-stringop-overflow -Wno-array-bounds -Wno-null-dereference)
  endif()
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # libstdc++'s std::stable_sort uses its own deprecated get_temporary_buffer, which clang reports here.
  list(APPEND KILN_WARNINGS -Wthread-safety -Wno-deprecated-declarations)
endif()
