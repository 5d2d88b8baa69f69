package io.github.vicmae.cli;

import io.github.vicmae.device.cuda.ModuleFiles;
import io.github.vicmae.device.system.SystemInfo;
import io.github.vicmae.io.JsonText;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Describes the machine and the build. */
@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        description =
                "Describe this machine and this build: cards, driver, processor, memory, Java, libraries, tools, versions.")
final class InfoCommand implements Callable<Integer> {
    private static final int NAME_WIDTH = 20;

    @Option(names = "--json", description = "as one JSON object")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        SystemInfo info = SystemInfo.collect();
        if (json) {
            out.println(JsonText.indented(info.tree()));
        } else {
            lines(info).forEach(out::println);
        }
        return 0;
    }

    /** The text, line by line. */
    static List<String> lines(SystemInfo info) {
        List<String> lines = new ArrayList<>();
        SystemInfo.Build build = info.vicmae();
        line(lines, "vicmae", words(build.version()), words("commit", build.commit()));
        line(lines, "cubins", names("sm_", build.cubins()));
        line(lines, "PTX", names("compute_", build.ptx()));
        line(lines, "emulated driver", build.emulatedDriver() ? "in this build" : "not in this build");
        line(lines, "videos", build.videos() ? "by FFmpeg" : "not in this build");
        SystemInfo.Jvm java = info.java();
        line(lines, "Java", java.version(), java.name(), java.vendor(), "heap up to " + mebibytes(java.maxHeap()));
        line(lines, "java.home", java.home());
        SystemInfo.OperatingSystem system = info.system();
        line(
                lines,
                "system",
                system.distribution(),
                system.name() + " " + system.version() + " on " + system.architecture(),
                words("glibc", system.glibc()));
        SystemInfo.Memory memory = info.memory();
        line(
                lines,
                "memory",
                memory.total() == null ? null : mebibytes(memory.total()),
                memory.available() == null ? null : mebibytes(memory.available()) + " available");
        processor(lines, info.processor());
        cuda(lines, info.cuda());
        lines.add("libraries");
        info.libraries().forEach(l -> found(lines, l.name(), l.path(), l.gives()));
        lines.add("tools");
        info.tools().forEach(t -> found(lines, t.name(), t.path(), t.gives()));
        lines.add("versions");
        info.dependencies().forEach((name, version) -> line(lines, "  " + name, version));
        info.problems().forEach(p -> line(lines, "problem", p));
        return lines;
    }

    private static void processor(List<String> lines, SystemInfo.Processor p) {
        line(lines, "processor", p.model(), p.cores() + " cores", String.join(" ", p.features()));
        if (p.failure() == null) {
            line(lines, "CPU device", "kernels for " + p.kernels(), p.threads() + " threads", p.products());
            line(lines, "OpenBLAS", p.openBlas());
        } else {
            line(lines, "CPU device", "cannot be used: " + p.failure());
        }
    }

    private static void cuda(List<String> lines, SystemInfo.Cuda cuda) {
        line(
                lines,
                "CUDA",
                cuda.reason() == null ? "can be used" : "cannot be used: " + cuda.reason(),
                words("CUDA", cuda.version()),
                words("driver", cuda.driver()),
                cuda.nvidiaCards() == 0 ? null : cuda.nvidiaCards() + " NVIDIA on the PCI bus");
        for (SystemInfo.Card c : cuda.cards()) {
            line(
                    lines,
                    c.device(),
                    c.name(),
                    "compute capability " + c.capability(),
                    mebibytes(c.memory()),
                    c.multiprocessors() + " multiprocessors",
                    words(c.clock(), "MHz"),
                    words("memory", c.memoryClock(), "MHz"),
                    words(c.memoryBus(), "bits"),
                    c.ecc() == null ? null : c.ecc() ? "ECC on" : "ECC off");
            line(lines, "  kernels", c.kernels());
        }
    }

    private static void found(List<String> lines, String name, String path, String gives) {
        line(lines, "  " + name, path == null ? "not found; it would give: " + gives : path);
    }

    /** A line with the parts that are known. */
    private static void line(List<String> lines, String name, String... parts) {
        String known = Stream.of(parts).filter(Objects::nonNull).collect(Collectors.joining(", "));
        lines.add(String.format(Locale.ROOT, "%-" + NAME_WIDTH + "s %s", name, known.isEmpty() ? "not known" : known));
    }

    /** The words separated by spaces, or null where one of them is unknown. */
    private static String words(Object... words) {
        return Stream.of(words).anyMatch(Objects::isNull)
                ? null
                : Stream.of(words).map(String::valueOf).collect(Collectors.joining(" "));
    }

    private static String names(String prefix, List<Integer> architectures) {
        return architectures.isEmpty() ? "none in this build" : ModuleFiles.names(prefix, architectures);
    }

    private static String mebibytes(long bytes) {
        return (bytes >> 20) + " MiB";
    }
}
