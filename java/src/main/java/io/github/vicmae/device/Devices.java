package io.github.vicmae.device;

import io.github.vicmae.device.cpu.CpuDevice;
import io.github.vicmae.device.cuda.CudaProbe;
import io.github.vicmae.device.cuda.EmulatedDriver;
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
            Device card = CudaProbe.openFirst();
            return card != null ? card : CpuDevice.open();
        }
        if (wanted.equals("emulated") || wanted.startsWith("emulated:")) {
            return CudaProbe.openEmulated(schedule(name, wanted));
        }
        if (wanted.equals("cuda") || wanted.matches("cuda:[0-9]{1,3}")) {
            CudaProbe probe = CudaProbe.probe();
            if (!probe.isUsable()) {
                throw new DeviceException("The device '" + name + "' cannot be had: " + probe.reason());
            }
            return probe.open(wanted.equals("cuda") ? 0 : Integer.parseInt(wanted.substring(5)));
        }
        throw new IllegalArgumentException(
                "There is no device '" + name + "': use auto, cpu, cuda, cuda:N or emulated");
    }

    private static String schedule(String name, String wanted) {
        String schedule = wanted.equals("emulated") ? null : wanted.substring("emulated:".length());
        if (schedule != null && !EmulatedDriver.SCHEDULES.contains(schedule)) {
            throw new IllegalArgumentException("There is no device '" + name
                    + "': the emulated one runs in the orders emulated:"
                    + String.join(", emulated:", EmulatedDriver.SCHEDULES));
        }
        return schedule;
    }
}
