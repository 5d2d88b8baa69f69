# The kernels as PTX for GPUs, where nvcc is installed. Each module is compiled for compute_80 and compute_90, its version line lowered
# to what its features need so that older drivers load it, and assembled for every architecture as a gate.
find_program(VICMAE_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda/bin)
find_program(VICMAE_PTXAS ptxas HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda/bin)
if(NOT VICMAE_NVCC OR NOT VICMAE_PTXAS)
  message(STATUS "nvcc and ptxas were not found: the CUDA modules are missing from this build, the CPU device is complete.")
  return()
endif()

# An architecture family's PTX ISA version, and what its PTX must assemble for.
set(VICMAE_PTX_VERSION_80 7.4)
set(VICMAE_PTX_GATE_80 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120)
set(VICMAE_PTX_VERSION_90 7.8)
set(VICMAE_PTX_GATE_90 sm_90 sm_100 sm_120)

set(modules)
foreach(source ${VICMAE_KERNELS})
  get_filename_component(name ${source} NAME_WE)
  foreach(arch 80 90)
    set(ptx "${VICMAE_OUTPUT}/ptx/compute_${arch}/${name}.ptx")
    add_custom_command(
      OUTPUT "${ptx}"
      COMMAND ${CMAKE_COMMAND} -DNVCC=${VICMAE_NVCC} -DPTXAS=${VICMAE_PTXAS} -DCXX=${CMAKE_CXX_COMPILER} -DSOURCE=${source} -DOUTPUT=${ptx}
        -DARCH=compute_${arch} -DVERSION=${VICMAE_PTX_VERSION_${arch}} "-DGATE=${VICMAE_PTX_GATE_${arch}}"
        -P "${CMAKE_SOURCE_DIR}/ptx_module.cmake"
      DEPENDS "${source}" ${VICMAE_HEADERS} "${CMAKE_SOURCE_DIR}/ptx_module.cmake"
      COMMENT "PTX ${name} for compute_${arch}"
      VERBATIM)
    list(APPEND modules "${ptx}")
  endforeach()
endforeach()
add_custom_target(vicmae_ptx ALL DEPENDS ${modules})
