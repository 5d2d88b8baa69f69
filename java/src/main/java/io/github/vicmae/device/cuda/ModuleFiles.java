package io.github.vicmae.device.cuda;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.NativeFiles;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Which of a build's files a card loads its kernels from: machine code for its architecture (a cubin) where there is one, else PTX, which the
 * driver compiles. A cubin runs on cards of the same major compute capability and of its own minor one or a higher (CUDA C++ Programming
 * Guide, "Binary Compatibility").
 *
 * @param architecture the cubin's, ten times the major number plus the minor one, or 0 where PTX is to be loaded at once
 * @param ptx the PTX's architecture, 80 or 90; its text is read in any case, for the kernels' parameters; 0 where the card cannot run any
 * @param reason why no cubin is loaded, in a few words, or null where one is
 */
public record ModuleFiles(int architecture, int ptx, String reason) {
    /** The system property that says whether cubins are loaded: {@code on} (the default), or {@code off} for PTX alone. */
    public static final String PROPERTY = "vicmae.cubin";

    /** The architectures that cmake/nvcc.cmake has cubins kept of. */
    private static final List<Integer> CUBINS = List.of(80, 86, 89, 90, 100, 120);

    private static final List<Integer> PTX = List.of(80, 90);

    /** A module that every build with CUDA modules has. */
    private static final String SOME_MODULE = "layer_norm";

    /** The architectures of this build's cubins, in ascending order; empty if it has none. */
    public static List<Integer> cubinsOfBuild() {
        return CUBINS.stream()
                .filter(a -> NativeFiles.contains(cubin(a, SOME_MODULE)))
                .toList();
    }

    /** The architectures of this build's PTX, in ascending order; empty if it was made without nvcc. */
    public static List<Integer> ptxOfBuild() {
        return PTX.stream()
                .filter(a -> NativeFiles.contains(ptx(a, SOME_MODULE)))
                .toList();
    }

    /**
     * The choice for a card.
     *
     * @param capability the card's, ten times the major number plus the minor one
     * @param cubins the architectures of the build's cubins
     * @param setting the system property's value, or null
     * @throws DeviceException if the setting is neither on nor off
     */
    public static ModuleFiles choose(int capability, List<Integer> cubins, String setting) {
        int ptx = capability >= 90 ? 90 : 80;
        String wanted = setting == null ? "on" : setting.toLowerCase(Locale.ROOT);
        if (!wanted.equals("on") && !wanted.equals("off")) {
            throw new DeviceException("-D" + PROPERTY + "=" + setting + " is not known; say on or off");
        }
        if (capability < CudaCard.LEAST_CAPABILITY) {
            return new ModuleFiles(0, 0, "the card is " + CudaCard.TOO_OLD);
        }
        if (wanted.equals("off")) {
            return new ModuleFiles(0, ptx, "-D" + PROPERTY + "=off says so");
        }
        int best = cubins.stream()
                .filter(a -> a / 10 == capability / 10 && a <= capability)
                .mapToInt(Integer::intValue)
                .max()
                .orElse(0);
        if (best > 0) {
            return new ModuleFiles(best, ptx, null);
        }
        return new ModuleFiles(
                0,
                ptx,
                cubins.isEmpty()
                        ? "this build has no cubins"
                        : "this build's cubins are for " + names("sm_", cubins) + ", the card is sm_" + capability);
    }

    /** The choice for a card of this build's files and this process's setting. */
    public static ModuleFiles choose(int capability) {
        return choose(capability, cubinsOfBuild(), System.getProperty(PROPERTY));
    }

    /** The same choice without the cubin, because of this. */
    ModuleFiles without(String why) {
        return new ModuleFiles(0, ptx, why);
    }

    boolean isCubin() {
        return architecture > 0;
    }

    String cubin(String module) {
        return cubin(architecture, module);
    }

    String ptx(String module) {
        return ptx(ptx, module);
    }

    /** What is loaded, in words, as in "cubins for sm_90" or "PTX for compute_80 (this build has no cubins)". */
    @Override
    public String toString() {
        if (ptx == 0) {
            return "nothing (" + reason + ")";
        }
        return isCubin() ? "cubins for sm_" + architecture : "PTX for compute_" + ptx + " (" + reason + ")";
    }

    /** Architectures as CUDA writes them, as in "sm_80, sm_86". */
    public static String names(String prefix, List<Integer> architectures) {
        return architectures.stream().map(a -> prefix + a).collect(Collectors.joining(", "));
    }

    private static String cubin(int architecture, String module) {
        return "cubin/sm_" + architecture + "/" + module + ".cubin";
    }

    private static String ptx(int architecture, String module) {
        return "ptx/compute_" + architecture + "/" + module + ".ptx";
    }
}
