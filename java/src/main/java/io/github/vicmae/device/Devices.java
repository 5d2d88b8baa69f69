package io.github.vicmae.device;

import io.github.vicmae.device.cpu.CpuDevice;
import io.github.vicmae.device.cuda.CudaProbe;
import java.util.Locale;

/** Finds and opens devices. */
final class Devices {
    private Devices() {}

    static Device open(String name) {
        String wanted = name.toLowerCase(Locale.ROOT);
        if (wanted.equals("cpu")) {
            return CpuDevice.open();
        }
        if (wanted.equals("auto")) {
            CudaProbe probe = CudaProbe.probe();
            return probe.isUsable() ? probe.open(0) : CpuDevice.open();
        }
        if (wanted.equals("cuda") || wanted.matches("cuda:[0-9]{1,3}")) {
            CudaProbe probe = CudaProbe.probe();
            if (!probe.isUsable()) {
                throw new DeviceException("The device '" + name + "' cannot be had: " + probe.reason());
            }
            return probe.open(wanted.equals("cuda") ? 0 : Integer.parseInt(wanted.substring(5)));
        }
        throw new IllegalArgumentException("There is no device '" + name + "': use auto, cpu, cuda or cuda:N");
    }
}
