package io.github.vicmae.device.cpu;

/**
 * How the CPU device works in this process.
 *
 * @param threads how many cores it uses
 * @param kernels which build of the kernels, as in x86-64-v4
 * @param products what makes matrix products, in words
 * @param openBlas OpenBLAS's version, or why it is not there
 */
public record CpuState(int threads, String kernels, String products, String openBlas) {}
