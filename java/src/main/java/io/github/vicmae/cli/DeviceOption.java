package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import java.util.Locale;
import picocli.CommandLine.Option;

/** The option that chooses the device, the same in every command. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "auto|cpu|cuda[:N]|emulated[:SCHEDULE]",
            defaultValue = "auto",
            description = "where to run: a CUDA card if one can be used, else the CPU (default: ${DEFAULT-VALUE});"
                    + " 'emulated' runs the card's kernels on the CPU thread by thread and checks every access, which"
                    + " takes hundreds of times as long (SCHEDULE: forward, reverse, random, fair)")
    private String name;

    /** Whether this is the emulated device, on which times are meaningless. */
    boolean isEmulated() {
        return name.toLowerCase(Locale.ROOT).startsWith("emulated");
    }

    Device open() {
        return Device.open(name);
    }
}
