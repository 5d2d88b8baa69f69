package io.github.vicmae.device;

/**
 * A kernel's entry on one device; immutable and shared by all streams.
 *
 * @param name the name in the source
 * @param signature its parameters, one letter each: {@code p} pointer, {@code i} 32-bit integer, {@code l} 64-bit integer, {@code f} float
 * @param handle the device's own handle: a function's address (CPU) or an index (CUDA)
 */
public record Kernel(String name, String signature, long handle) {}
