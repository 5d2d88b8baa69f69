// What a contrastive loss of a user's own is written with: KERNEL(name, LOSS_PARAMETERS) { ... }. Every kernel of such a file has these
// parameters; `vicmae lab --new FILE.cu` writes an example, whose first lines say how the kernels are launched.
//
//   loss         [1]     forward: to be written. Null in backward.
//   drows        [R, D]  backward: to be written, times weight; the whole gradient where the columns are the rows. Null in forward.
//   dcolumns     [K, D]  backward: to be written, times weight; null where the columns are the rows, and in forward.
//   rows         [R, D]  two views of R / 2 samples, the first views first
//   columns      [K, D]  what rows are compared with: the rows themselves (columns == rows), or those of another head; K >= R
//   positive     [R]     the column that shows the other view of a row's sample: (i + R / 2) mod R
//   excluded     [R]     the column that shows the very same view: i
//   weight       [1]     backward: what the gradient is to be multiplied by. Null in forward.
//   scratch              as many floats as @scratch says; what forward writes is still there in backward
//   R, K, D, temperature
#pragma once

#include "target.cuh"

#define LOSS_PARAMETERS                                                                                                            \
  [[maybe_unused]] float *loss, [[maybe_unused]] float *drows, [[maybe_unused]] float *dcolumns, [[maybe_unused]] const float *rows, \
      [[maybe_unused]] const float *columns, [[maybe_unused]] const int *positive, [[maybe_unused]] const int *excluded,           \
      [[maybe_unused]] const float *weight, [[maybe_unused]] float *scratch, [[maybe_unused]] int R, [[maybe_unused]] int K,       \
      [[maybe_unused]] int D, [[maybe_unused]] float temperature
