package io.github.vicmae.benchmarks;

import io.github.vicmae.device.system.SystemInfo;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Describes the machine that results were measured on, without paths and host names. */
final class Machine {
    private Machine() {}

    static Map<String, Object> describe() {
        SystemInfo info = SystemInfo.collect();
        SystemInfo.Processor cpu = info.processor();
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("processor", cpu.model() + ", " + cpu.cores() + " cores, " + String.join(" ", cpu.features()));
        machine.put("kernels", cpu.kernels() + ", " + cpu.products() + ", " + cpu.threads() + " threads");
        if (info.memory().total() != null) {
            machine.put("memory", (info.memory().total() >> 20) + " MiB");
        }
        machine.put(
                "cards",
                info.cuda().cards().isEmpty()
                        ? "none"
                        : info.cuda().cards().stream()
                                .map(c -> c.name() + ", capability " + c.capability() + ", " + (c.memory() >> 20)
                                        + " MiB, " + c.multiprocessors() + " multiprocessors")
                                .collect(Collectors.joining("; ")));
        if (info.cuda().driver() != null) {
            machine.put("driver", info.cuda().driver() + ", CUDA " + info.cuda().version());
        }
        machine.put(
                "system",
                info.system().distribution() + ", " + info.system().name() + " "
                        + info.system().version());
        machine.put("java", info.java().name() + " " + info.java().version());
        machine.put(
                "vicmae",
                info.vicmae().version()
                        + (info.vicmae().commit() == null
                                ? ""
                                : ", " + info.vicmae().commit()));
        return machine;
    }
}
