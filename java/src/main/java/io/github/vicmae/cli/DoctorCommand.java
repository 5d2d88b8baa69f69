package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.cuda.CudaProbe;
import io.github.vicmae.device.cuda.EmulatedDriver;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Says what was found on this machine. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Say which devices can be used here, what is missing, and what to do about it.")
final class DoctorCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        out.println("Java " + Runtime.version() + " (" + System.getProperty("java.vm.name") + "), "
                + System.getProperty("os.name") + " on " + System.getProperty("os.arch") + ", "
                + Runtime.getRuntime().availableProcessors() + " processors, heap up to "
                + (Runtime.getRuntime().maxMemory() >> 20) + " MiB.");
        boolean cpu = cpu(out);
        boolean cuda = cuda(out);
        // Not tried: a process that loads the emulated driver can use no card.
        String missing = EmulatedDriver.missing();
        out.println(
                missing == null
                        ? "This build has the emulated driver: '--device emulated' checks the card's kernels without a card."
                        : "'--device emulated' cannot be used: " + missing + ".");
        if (cuda) {
            out.println("'--device auto' takes cuda:0.");
        } else if (cpu) {
            out.println("'--device auto' takes the CPU.");
        } else {
            out.println("No device can be used.");
        }
        return cpu || cuda ? 0 : Main.FAILED;
    }

    private static boolean cpu(PrintWriter out) {
        try (Device device = Device.open("cpu")) {
            out.println("The CPU device works: " + device.description() + ".");
            return true;
        } catch (DeviceException e) {
            out.println("The CPU device cannot be used: " + e.getMessage());
            return false;
        }
    }

    private static boolean cuda(PrintWriter out) {
        CudaProbe probe = CudaProbe.probe();
        if (probe.driver() != null) {
            out.println("The NVIDIA driver supports CUDA " + probe.driver() + ".");
        }
        for (int i = 0; i < probe.cards().size(); i++) {
            out.println("cuda:" + i + " is " + probe.cards().get(i) + ".");
        }
        if (!probe.isUsable()) {
            out.println("CUDA cannot be used: " + probe.reason() + ".");
            return false;
        }
        try (Device device = probe.open(0)) {
            out.println("The CUDA device works: " + device.description() + ".");
            return true;
        } catch (DeviceException e) {
            out.println("The card cannot be used: " + e.getMessage());
            return false;
        }
    }
}
