package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.cuda.CudaProbe;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.device.system.SystemInfo;
import io.github.vicmae.kernel.Reduce;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import javax.imageio.ImageIO;

/**
 * The findings of the doctor command.
 *
 * @param sentences the verdicts
 * @param advice what is missing
 * @param cpu whether the CPU device works
 * @param card the card that 'auto' takes, as in cuda:0, or null if none works
 */
record Diagnosis(List<String> sentences, List<Advice> advice, boolean cpu, String card, SystemInfo info) {
    /** Older toolkits, such as those of the distributions, do not support every card. */
    private static final String TOOLKIT = "NVIDIA's CUDA toolkit 12.8 or newer, from NVIDIA's package repository";

    /**
     * Something that is missing.
     *
     * @param gives what it would enable
     * @param command how to get it
     */
    record Advice(String missing, String gives, String command) {
        @Override
        public String toString() {
            return "Missing: " + missing + ". It would give " + gives + ". To get it: " + command;
        }

        Map<String, Object> tree() {
            return SystemInfo.map("missing", missing, "gives", gives, "command", command);
        }
    }

    /** Opens the devices and reports the outcome. */
    static Diagnosis of(SystemInfo info) {
        List<String> sentences = new ArrayList<>();
        SystemInfo.Jvm java = info.java();
        sentences.add("Java " + java.version() + " (" + java.name() + "), "
                + info.system().name() + " on " + info.system().architecture() + ", "
                + info.processor().cores() + " processors, heap up to " + (java.maxHeap() >> 20) + " MiB.");
        boolean cpu = works("The CPU device", () -> Device.open("cpu"), sentences);
        String card = card(info.cuda(), sentences);
        images(sentences);
        // Not tried: a process that loads the emulated driver can use no card.
        String missing = EmulatedDriver.missing();
        sentences.add(
                missing == null
                        ? "This build has the emulated driver: '--device emulated' checks the card's kernels without a card."
                        : "'--device emulated' cannot be used: " + missing + ".");
        sentences.add(
                card != null
                        ? "'--device auto' takes " + card + "."
                        : cpu ? "'--device auto' takes the CPU." : "No device can be used.");
        return new Diagnosis(List.copyOf(sentences), advice(info, card != null), cpu, card, info);
    }

    /** Java's own decoders are native libraries, and in some JDKs they need system libraries. */
    private static void images(List<String> sentences) {
        ImageIO.setUseCache(false); // a full temporary folder is not the fault of the decoders
        try {
            BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
            ByteArrayOutputStream file = new ByteArrayOutputStream();
            ImageIO.write(image, "jpeg", file);
            ImageIO.read(new ByteArrayInputStream(file.toByteArray()));
        } catch (LinkageError e) {
            sentences.add("JPEG images cannot be read: " + (e.getMessage() == null ? e : e.getMessage())
                    + "; install the library that is named there, or use a Java that includes it, such as Temurin.");
        } catch (IOException | RuntimeException e) {
            sentences.add("JPEG images cannot be read: " + e);
        }
    }

    private static String card(SystemInfo.Cuda cuda, List<String> sentences) {
        if (cuda.version() != null) {
            sentences.add("The NVIDIA driver " + (cuda.driver() == null ? "" : cuda.driver() + " ") + "supports CUDA "
                    + cuda.version() + ".");
        }
        for (SystemInfo.Card c : cuda.cards()) {
            sentences.add(c.device() + " is " + c.name() + ", compute capability " + c.capability() + ", "
                    + (c.memory() >> 20) + " MiB.");
        }
        if (cuda.reason() != null) {
            sentences.add("CUDA cannot be used: " + cuda.reason() + ".");
            return null;
        }
        return works("The CUDA device", CudaProbe::openFirst, sentences)
                ? "cuda:" + CudaProbe.probe().first()
                : null;
    }

    /** Opens a device and loads a kernel, which shows whether the driver takes this build's modules. */
    private static boolean works(String title, Supplier<Device> open, List<String> sentences) {
        try (Device device = open.get();
                Stream stream = device.newStream()) {
            new Reduce(stream);
            sentences.add(title + " works: " + device.description() + ".");
            return true;
        } catch (LinkageError | RuntimeException e) {
            sentences.add(title + " cannot be used: " + (e.getMessage() == null ? e : e.getMessage()));
            return false;
        }
    }

    static List<Advice> advice(SystemInfo info, boolean cudaWorks) {
        List<Advice> advice = new ArrayList<>();
        if (info.cuda().version() == null && info.cuda().nvidiaCards() > 0 && !has(info, "libcuda.so.1")) {
            advice.add(new Advice(
                    "NVIDIA's driver, for the " + info.cuda().nvidiaCards() + " card(s) of this machine",
                    "training and embedding on the card",
                    "apt-get install nvidia-driver (Debian), ubuntu-drivers install (Ubuntu)"));
        }
        if (cudaWorks && !has(info, "libcublas.so.12") && !has(info, "libcublas.so.13")) {
            advice.add(new Advice(
                    "cuBLAS",
                    "faster matrix products, for the shapes for which it beats this build's own kernels",
                    "apt-get install libcublas-12-6 (from NVIDIA's package repository)"));
        }
        if (info.vicmae().ptx().isEmpty()) {
            advice.add(new Advice(
                    "the CUDA modules of this build",
                    "'--device cuda' on this machine or another",
                    "install " + TOOLKIT + ", then mvn package"));
        }
        if (!info.vicmae().videos()) {
            advice.add(new Advice("FFmpeg", "videos as data", "use the full distribution or a build from source"));
        }
        programs(info, advice);
        return List.copyOf(advice);
    }

    private static void programs(SystemInfo info, List<Advice> advice) {
        for (SystemInfo.Tool tool : info.tools()) {
            String command =
                    switch (tool.name()) {
                        case "nvcc" -> "install " + TOOLKIT;
                        case "g++", "cmake" -> "apt-get install " + tool.name();
                        default -> null;
                    };
            if (tool.path() == null && command != null) {
                advice.add(new Advice(tool.name(), tool.gives(), command));
            }
        }
    }

    private static boolean has(SystemInfo info, String library) {
        return info.libraries().stream().anyMatch(l -> l.name().equals(library) && l.path() != null);
    }

    boolean isUsable() {
        return cpu || card != null;
    }

    /** For JSON: usable, auto, cpu, cuda, java.home, sentences, missing. */
    Map<String, Object> tree() {
        return SystemInfo.map(
                "usable",
                isUsable(),
                "auto",
                card != null ? card : cpu ? "cpu" : null,
                "cpu",
                cpu,
                "cuda",
                card != null,
                "java",
                SystemInfo.map(
                        "version", info.java().version(), "home", info.java().home()),
                "sentences",
                sentences,
                "missing",
                advice.stream().map(Advice::tree).toList());
    }
}
