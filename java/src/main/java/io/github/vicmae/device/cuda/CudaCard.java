package io.github.vicmae.device.cuda;

import java.nio.charset.StandardCharsets;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * What the driver says of a card.
 *
 * @param capability compute capability, ten times the major number plus the minor one
 * @param bytes all of its memory
 * @param clockMhz the highest clock of the multiprocessors, or 0 where the driver does not tell
 * @param memoryClockMhz the highest clock of the memory, or 0 where the driver does not tell
 * @param memoryBusBits the width of the way to the memory, or 0 where the driver does not tell
 * @param ecc whether its memory corrects errors, or null where the driver does not tell
 */
public record CudaCard(
        String name,
        int capability,
        long bytes,
        int multiprocessors,
        int clockMhz,
        int memoryClockMhz,
        int memoryBusBits,
        Boolean ecc) {
    /** What the kernels' oldest PTX asks of a card. */
    static final int LEAST_CAPABILITY = 80;

    static final String TOO_OLD = "too old: compute capability 8.0 is the least";

    static CudaCard of(CUdevice device) {
        byte[] name = new byte[256];
        Cuda.check(JCudaDriver.cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
        int end = 0;
        while (end < name.length && name[end] != 0) {
            end++;
        }
        long[] bytes = new long[1];
        Cuda.check(JCudaDriver.cuDeviceTotalMem(bytes, device), "cuDeviceTotalMem");
        int ecc = optional(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_ECC_ENABLED);
        return new CudaCard(
                new String(name, 0, end, StandardCharsets.UTF_8),
                CudaProbe.capability(device),
                bytes[0],
                CudaProbe.attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                Math.max(0, optional(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLOCK_RATE)) / 1000,
                Math.max(0, optional(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE)) / 1000,
                Math.max(0, optional(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH)),
                ecc < 0 ? null : ecc > 0);
    }

    boolean isTooOld() {
        return capability < LEAST_CAPABILITY;
    }

    /** An attribute that newer drivers may have dropped, or -1; the emulated one is not asked, since it notes every question it cannot answer. */
    private static int optional(CUdevice device, int attribute) {
        int[] value = new int[1];
        return !EmulatedDriver.isLoaded()
                        && JCudaDriver.cuDeviceGetAttribute(value, attribute, device) == CUresult.CUDA_SUCCESS
                ? value[0]
                : -1;
    }

    @Override
    public String toString() {
        return name + ", compute capability " + capability / 10 + "." + capability % 10 + ", " + (bytes >> 20) + " MiB";
    }
}
