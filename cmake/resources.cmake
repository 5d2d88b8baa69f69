# What the kernels take of a multiprocessor, held against the table in docs/, or the table written anew:
#   cmake -DTASK=check|write -DFOLDER=folder -DMODULES=names -DFAMILIES=names -DTABLE=file -DBUILD=folder -P resources.cmake
# FOLDER/FAMILY/MODULE.tsv are ptx_module.cmake's; FOLDER/resources.tsv receives them all.
cmake_minimum_required(VERSION 3.20)

# More registers than both of these, and the build fails.
set(margin 8)
set(margin_percent 15)
get_filename_component(TABLE "${TABLE}" ABSOLUTE)
set(command "cmake --build ${BUILD} --target vicmae_resources_table")

# ---- what was built: rows, architectures, nvcc's version, and cell_MODULE/KERNEL/ARCHITECTURE ---------------------------------------
set(all "module\tkernel\tptx\tarchitecture\tregisters\tshared_bytes\tstack_bytes\tspill_store_bytes\tspill_load_bytes\tnvcc\tmma\tldmatrix\tcp_async\n")
set(kernels "")
set(matrix "")
set(architectures "")
set(versions "")
# In ascending order: a card loads the PTX of the last family that is assembled for its architecture, so that one's cell stays.
foreach(family ${FAMILIES})
  foreach(module ${MODULES})
    file(READ "${FOLDER}/${family}/${module}.tsv" text)
    string(APPEND all "${text}")
    string(REGEX MATCHALL "[^\n]+" lines "${text}")
    foreach(line ${lines})
      string(REPLACE "\t" ";" line "${line}")
      list(GET line 1 kernel)
      list(GET line 3 architecture)
      list(GET line 4 registers)
      list(GET line 5 shared)
      list(GET line 6 stack)
      list(GET line 9 version)
      list(LENGTH line length)
      if(length GREATER 12) # a function that is no kernel has none of these
        list(SUBLIST line 10 3 counts)
        list(GET counts 0 products)
        if(products GREATER 0)
          list(JOIN counts " | " counts)
          list(APPEND matrix "${kernel}/${family}")
          set(counts_${kernel}/${family} "${counts}")
        endif()
      endif()
      list(APPEND kernels "${module}/${kernel}")
      list(APPEND architectures "${architecture}")
      list(APPEND versions "${version}")
      set(cell_${module}/${kernel}/${architecture} "${registers};${shared};${stack}")
    endforeach()
  endforeach()
endforeach()
list(REMOVE_DUPLICATES kernels)
list(SORT kernels)
list(REMOVE_DUPLICATES architectures)
list(SORT architectures COMPARE NATURAL)
list(REMOVE_DUPLICATES versions)
list(REMOVE_DUPLICATES matrix)
list(SORT matrix)
file(WRITE "${FOLDER}/resources.tsv" "${all}")
list(LENGTH versions version_count)
if(version_count GREATER 1)
  list(JOIN versions ", " versions)
  message(FATAL_ERROR "The CUDA modules in ${BUILD} were made by several versions of nvcc (${versions}); "
    "remove the folder and build again.")
endif()

# ---- the table as it would be written now -------------------------------------------------------------------------------------------
set(header "| module | kernel |")
set(rule "|---|---|")
foreach(architecture ${architectures})
  string(APPEND header " ${architecture} |")
  string(APPEND rule "---|")
endforeach()
set(body "")
foreach(kernel ${kernels})
  string(REGEX MATCH "^([^/]+)/(.+)" name "${kernel}")
  string(APPEND body "| ${CMAKE_MATCH_1} | `${CMAKE_MATCH_2}` |")
  foreach(architecture ${architectures})
    list(JOIN cell_${kernel}/${architecture} " / " cell)
    string(REGEX REPLACE " / 0$" "" cell "${cell}") # hardly any kernel has a stack frame
    string(APPEND body " ${cell} |")
  endforeach()
  string(APPEND body "\n")
endforeach()
set(matrix_body "")
foreach(kernel ${matrix})
  string(REGEX MATCH "^([^/]+)/(.+)" name "${kernel}")
  string(APPEND matrix_body "| `${CMAKE_MATCH_1}` | ${CMAKE_MATCH_2} | ${counts_${kernel}} |\n")
endforeach()
set(written "# What each kernel takes of a multiprocessor

A cell is: registers of a thread / static shared memory of a block in bytes, and where a thread has a stack frame, / its bytes. This is what
`ptxas -v` says of the PTX that a card of the architecture loads: compute_80 up to sm_89, compute_90 from sm_90 on. Dynamic shared memory is
asked for at the launch and is not counted here. Nothing spills: a spill fails the build.

Made by nvcc ${versions}. Where the build's nvcc has the same version, the build compares itself with this table and fails if a kernel is not
in it, if the second table has other counts, if a kernel's registers grew by more than ${margin} and more than ${margin_percent} %, or if its static shared memory or stack frame
grew. With another nvcc these are warnings. After a change that is meant (its commit says why), this command writes the table anew, in a
checkout where `mvn` built the kernels or failed at this comparison:

```
cmake --build java/target/kernels --target vicmae_resources_table
```

${header}
${rule}
${body}
## Matrix instructions

Products of fragments, loads of fragments and 16-byte copies that a kernel's PTX has, each counted once however often its loop runs.

| kernel | ptx | mma | ldmatrix | cp.async |
|---|---|---|---|---|
${matrix_body}")
if(TASK STREQUAL "write")
  file(WRITE "${TABLE}" "${written}")
  message(STATUS "Written: ${TABLE}")
  return()
endif()

# ---- the comparison -----------------------------------------------------------------------------------------------------------------
if(NOT EXISTS "${TABLE}")
  message(FATAL_ERROR "There is no ${TABLE} to hold the kernels' registers and shared memory against. "
    "Fetch it from the repository, or write it:\n  ${command}")
endif()
file(READ "${TABLE}" table)
set(unreadable "Fetch it from the repository, or write it anew:\n  ${command}")
if(NOT table MATCHES "Made by nvcc ([0-9.]*[0-9])")
  message(FATAL_ERROR "${TABLE} has no line 'Made by nvcc VERSION'. ${unreadable}")
endif()
set(table_version "${CMAKE_MATCH_1}")
if(NOT table MATCHES "\n\\| module \\| kernel \\|([^\n]+)")
  message(FATAL_ERROR "${TABLE} has no line '| module | kernel | architectures |'. ${unreadable}")
endif()
string(REGEX MATCHALL "[a-z0-9_]+" columns "${CMAKE_MATCH_1}")
string(REGEX MATCHALL "\n\\| [^ |]+ \\| `[^\n]+" lines "${table}")
set(listed "")
foreach(line ${lines})
  string(REGEX MATCH "\\| ([^ |]+) \\| `([^`]+)` \\|(.*)" whole "${line}")
  set(kernel "${CMAKE_MATCH_1}/${CMAKE_MATCH_2}")
  string(REGEX MATCHALL "[0-9]+ / [0-9]+( / [0-9]+)?" cells "${CMAKE_MATCH_3}")
  list(LENGTH columns wanted)
  list(LENGTH cells found)
  if(NOT found EQUAL wanted)
    message(FATAL_ERROR "In ${TABLE} the row of ${kernel} has ${found} figures for ${wanted} architectures. ${unreadable}")
  endif()
  list(APPEND listed "${kernel}")
  foreach(architecture cell IN ZIP_LISTS columns cells)
    string(REPLACE " / " ";" was_${kernel}/${architecture} "${cell} / 0") # no third figure: no stack frame
  endforeach()
endforeach()

set(figures 0 1 2) # in a cell's order
set(whats "registers" "bytes of static shared memory" "bytes of stack frame")
set(complaints "")
foreach(kernel ${kernels})
  string(REGEX MATCH "^([^/]+)/(.+)" name "${kernel}")
  set(name "${CMAKE_MATCH_2} in ${CMAKE_MATCH_1}.cu")
  if(NOT kernel IN_LIST listed)
    string(APPEND complaints "\n  ${name} is not in the table.")
    continue()
  endif()
  foreach(figure ${figures})
    set(grown_${figure} "")
  endforeach()
  foreach(architecture ${architectures})
    if(NOT DEFINED was_${kernel}/${architecture})
      string(APPEND complaints "\n  ${name} has no figures for ${architecture} in the table.")
      continue()
    endif()
    foreach(figure ${figures})
      list(GET was_${kernel}/${architecture} ${figure} then)
      list(GET cell_${kernel}/${architecture} ${figure} now)
      math(EXPR more "${now} - ${then}")
      math(EXPR more_percent "100 * ${more} - ${margin_percent} * ${then}")
      if(more GREATER 0 AND (figure GREATER 0 OR (more GREATER margin AND more_percent GREATER 0)))
        list(APPEND grown_${figure} "${now} instead of ${then} on ${architecture}")
      endif()
    endforeach()
  endforeach()
  foreach(figure what IN ZIP_LISTS figures whats)
    if(grown_${figure})
      list(JOIN grown_${figure} ", " grown)
      string(APPEND complaints "\n  ${name} takes more ${what} than in the table: ${grown}.")
    endif()
  endforeach()
endforeach()
foreach(kernel ${listed})
  if(NOT kernel IN_LIST kernels)
    string(REGEX MATCH "^([^/]+)/(.+)" name "${kernel}")
    string(APPEND complaints "\n  ${CMAKE_MATCH_2} in ${CMAKE_MATCH_1}.cu is in the table, but not in the build.")
  endif()
endforeach()

string(REGEX MATCHALL "\n\\| `[^\n]+" lines "${table}")
set(counted "")
foreach(line ${lines})
  string(REGEX MATCH "`([^`]+)` \\| ([^ ]+) \\| (.+) \\|" whole "${line}")
  list(APPEND counted "${CMAKE_MATCH_1}/${CMAKE_MATCH_2}")
  set(was_${CMAKE_MATCH_1}/${CMAKE_MATCH_2} "${CMAKE_MATCH_3}")
endforeach()
set(either ${matrix} ${counted})
list(REMOVE_DUPLICATES either)
foreach(kernel ${either})
  if(NOT "${counts_${kernel}}" STREQUAL "${was_${kernel}}")
    string(APPEND complaints "\n  ${kernel} has these mma, ldmatrix and cp.async: ${counts_${kernel}}; in the table: ${was_${kernel}}.")
  endif()
endforeach()

if(complaints AND table_version STREQUAL versions)
  message(FATAL_ERROR "The kernels are not as docs/kernel-resources.md has them:${complaints}\n"
    "Look why first: what a kernel takes decides how many of its blocks run at once. If it is meant, write the table anew "
    "and commit it with the change:\n  ${command}")
elseif(complaints)
  message(WARNING "nvcc ${versions} makes other kernels than nvcc ${table_version}, by which docs/kernel-resources.md was made; "
    "this is no failure:${complaints}")
elseif(NOT table STREQUAL written AND table_version STREQUAL versions)
  message(STATUS "The kernels differ from docs/kernel-resources.md, within its margins; to bring it up to date: ${command}")
endif()
