// Which build of the kernels this processor takes: a library of its own, which runs on every x86-64 processor. The build asks as well, with
// VICMAE_LEVEL_PROGRAM as a program whose exit status is the answer.

// The instruction set that this processor has: 4, 3 for the x86-64 level of that number, 0 for anything else.
extern "C" int vicmae_x86_level(const void*) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return 4;
  if (__builtin_cpu_supports("x86-64-v3")) return 3;
#endif
  return 0;
}

#ifdef VICMAE_LEVEL_PROGRAM
int main() { return vicmae_x86_level(nullptr); }
#endif
