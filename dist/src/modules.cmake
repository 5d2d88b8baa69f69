# Archives without CUDA modules are made only by those who say so:
#   cmake -DPTX=ON|OFF -DFOLDER=folder -P modules.cmake
# FOLDER is where the build puts its PTX.
file(GLOB modules "${FOLDER}/*/*.ptx")
if(PTX AND NOT modules)
  message(FATAL_ERROR "The archives are for hosts with cards, but this build has no CUDA modules: nvcc and ptxas were not found, or are too "
    "old. Install NVIDIA's CUDA toolkit 12.8 or newer, from NVIDIA's package repository, or say -Dvicmae.ptx=OFF for archives without them.")
endif()
