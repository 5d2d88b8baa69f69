package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import picocli.CommandLine.Option;

/** The option that chooses the device, the same in every command. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "auto|cpu|cuda[:N]",
            defaultValue = "auto",
            description = "where to run: a CUDA card if one can be used, else the CPU (default: ${DEFAULT-VALUE})")
    private String name;

    Device open() {
        return Device.open(name);
    }
}
