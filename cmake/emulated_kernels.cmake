# How kernels are compiled for the emulated driver; also for libraries of further kernels. Paths in messages and in debug information begin
# at the folder above cuda/.
get_filename_component(VICMAE_ROOT "${VICMAE_CUDA}/.." ABSOLUTE)
# -O1: with -O2 what runs is a tenth faster, and matmul_mma.cu takes 75 s to compile instead of 8, attention.cu 14 instead of 4.
set(VICMAE_EMULATED_OPTIONS -x c++ -O1 -g -fPIC -DVICMAE_EMULATOR "-ffile-prefix-map=${VICMAE_ROOT}/=" -ffile-prefix-map=/proc/self/cwd/=
  -fsanitize=thread --param=tsan-instrument-func-entry-exit=0 --param=tsan-distinguish-volatile=1
  -fsanitize=undefined -fno-sanitize=vptr,pointer-overflow,return,object-size
  # Each line keeps code of its own, so that messages name the right one.
  -fno-crossjumping -fno-tree-tail-merge -fno-optimize-sibling-calls
  -ffp-contract=fast -fno-math-errno
  -Wall -Wextra -Werror -Wno-unused-function -Wno-unknown-pragmas -Wno-sign-compare)

# The compiler puts the sources' paths, as they were given to it, into what UndefinedBehaviorSanitizer's checks say, and no option maps
# those. So that the library's bytes do not depend on where the checkout lies, cuda/ is named by a link in the build's folder, in which the
# compiler is started.
set(VICMAE_CUDA_LINK /proc/self/cwd/cuda)
file(CREATE_LINK "${VICMAE_CUDA}" "${CMAKE_BINARY_DIR}/cuda" SYMBOLIC)

# The sanitizers' runtime libraries stay out: the options above are given to the compiler alone.
function(vicmae_emulated_kernels name)
  set(sources ${ARGN})
  list(TRANSFORM sources REPLACE "^${VICMAE_CUDA}/" "${VICMAE_CUDA_LINK}/")
  add_library(${name} OBJECT ${sources})
  # GENERATED: CMake runs in another folder, where the link does not lead to them. What an object depends on is what the compiler says it
  # read (its depfile); make and ninja run in the build's folder, where the link holds.
  set_source_files_properties(${sources} PROPERTIES LANGUAGE CXX GENERATED ON)
  set_target_properties(${name} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON CXX_VISIBILITY_PRESET hidden)
  target_compile_options(${name} PRIVATE ${VICMAE_EMULATED_OPTIONS})
  target_include_directories(${name} PRIVATE "${VICMAE_CUDA_LINK}")
endfunction()
