// NVRTC knows the functions of this header, not its constants. nvcc and g++ never see it.
#pragma once

#define INFINITY (__int_as_float(0x7f800000))
#define NAN (__int_as_float(0x7fffffff))
#define HUGE_VALF INFINITY
#define M_PI 3.14159265358979323846
