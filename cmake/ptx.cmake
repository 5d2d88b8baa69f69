# The kernels as PTX for GPUs, where nvcc is installed. Each module is compiled for compute_80 and compute_90, its version line lowered
# to what its features need so that older drivers load it, and assembled for every architecture as a gate. What is assembled from the PTX
# that a card of the architecture would load is kept as a cubin: a card takes that first, and nothing is compiled when it is loaded.
include(nvcc.cmake)
if(NOT VICMAE_CUDA_FAMILIES)
  return()
endif()

set(VICMAE_RESOURCES "${CMAKE_BINARY_DIR}/ptx") # what each kernel takes: beside the build, not in the jar
set(modules)
set(module_names)
foreach(source ${VICMAE_KERNELS})
  get_filename_component(name ${source} NAME_WE)
  list(APPEND module_names ${name})
  foreach(arch ${VICMAE_CUDA_FAMILIES})
    set(ptx "${VICMAE_OUTPUT}/ptx/compute_${arch}/${name}.ptx")
    set(resources "${VICMAE_RESOURCES}/compute_${arch}/${name}.tsv")
    set(cubins ${VICMAE_CUBINS_${arch}})
    list(TRANSFORM cubins REPLACE ".+" "${VICMAE_OUTPUT}/cubin/\\0/${name}.cubin")
    add_custom_command(
      OUTPUT "${ptx}" "${resources}" ${cubins}
      COMMAND ${CMAKE_COMMAND} -DNVCC=${VICMAE_NVCC} -DPTXAS=${VICMAE_PTXAS} -DCXX=${CMAKE_CXX_COMPILER} -DSOURCE=${source} -DOUTPUT=${ptx}
        -DRESOURCES=${resources}
        -DARCH=compute_${arch} -DVERSION=${VICMAE_PTX_VERSION_${arch}} "-DGATE=${VICMAE_PTX_GATE_${arch}}"
        "-DCUBINS=${VICMAE_CUBINS_${arch}}" -DCUBIN_FOLDER=${VICMAE_OUTPUT}/cubin -DDEPFILE=${resources}.d
        -P "${CMAKE_SOURCE_DIR}/ptx_module.cmake"
      DEPENDS "${source}" "${CMAKE_SOURCE_DIR}/ptx_module.cmake"
      DEPFILE "${resources}.d" # the headers, as nvcc says
      COMMENT "PTX ${name} for compute_${arch}"
      VERBATIM)
    list(APPEND modules "${ptx}")
  endforeach()
endforeach()
add_custom_target(vicmae_ptx ALL DEPENDS ${modules})

# Each build holds the kernels' registers and shared memory against docs/kernel-resources.md; vicmae_resources_table writes that table anew.
function(vicmae_resources target task)
  add_custom_target(${target} ${ARGN}
    COMMAND ${CMAKE_COMMAND} -DTASK=${task} -DFOLDER=${VICMAE_RESOURCES} "-DMODULES=${module_names}" "-DFAMILIES=compute_80;compute_90"
      "-DTABLE=${CMAKE_SOURCE_DIR}/../docs/kernel-resources.md" -DBUILD=${CMAKE_BINARY_DIR} -P "${CMAKE_SOURCE_DIR}/resources.cmake"
    VERBATIM)
  add_dependencies(${target} vicmae_ptx)
endfunction()
vicmae_resources(vicmae_resources check ALL)
vicmae_resources(vicmae_resources_table write)
