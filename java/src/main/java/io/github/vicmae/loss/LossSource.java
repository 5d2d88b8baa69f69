package io.github.vicmae.loss;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.PlanningDevice;
import io.github.vicmae.device.build.SourceLibrary;
import io.github.vicmae.kernel.Kernels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The launches of a user's loss, as its comments describe them:
 *
 * <pre>{@code
 * // @scratch 2 * rows + columns
 * // @forward  norms     blocks = rows              threads = 128
 * // @backward gradient  blocks = (rows + 63) / 64  threads = 256  shared = 4 * width
 * }</pre>
 *
 * {@code @scratch} is a number of floats, none if it is missing. Kernels are launched in the order in which they are written; {@code shared} is
 * a block's dynamic shared memory in bytes, 0 if it is missing.
 */
final class LossSource {
    static final int MOST_THREADS = 1024;
    private static final Pattern DIRECTIVE = Pattern.compile("^\\s*//\\s*@(\\w+)\\s*(.*?)\\s*$");
    private static final Pattern LAUNCH = Pattern.compile("(\\w+)\\s+(.*)");
    private static final Pattern SETTING = Pattern.compile("(\\w+)\\s*=([^=]*?)(?=\\s+\\w+\\s*=|$)");
    private static final Set<String> SETTINGS = Set.of("blocks", "threads", "shared");

    /**
     * A kernel's launch.
     *
     * @param line of the source, from 1
     */
    record Launch(String kernel, SizeExpression blocks, SizeExpression threads, SizeExpression shared, int line) {}

    private final SourceLibrary library;
    private SizeExpression scratch = new SizeExpression("0");
    private int scratchLine;
    private final List<Launch> forward = new ArrayList<>();
    private final List<Launch> backward = new ArrayList<>();

    /**
     * @throws IllegalArgumentException if a line is wrong, with file and line
     */
    LossSource(SourceLibrary library) {
        this.library = library;
        List<String> lines = library.text().lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            Matcher directive = DIRECTIVE.matcher(lines.get(i));
            if (directive.matches()) {
                try {
                    take(directive.group(1), directive.group(2), i + 1);
                } catch (IllegalArgumentException e) {
                    throw at(i + 1, e.getMessage());
                }
            }
        }
        if (forward.isEmpty() || backward.isEmpty()) {
            throw new IllegalArgumentException(library.file() + ": no line '// @"
                    + (forward.isEmpty() ? "forward" : "backward")
                    + " KERNEL blocks = ... threads = ...' says which kernel computes the "
                    + (forward.isEmpty() ? "loss" : "gradients") + "; 'lab --new FILE.cu' writes an example");
        }
        Set<String> taken = new TreeSet<>(library.kernels());
        taken.retainAll(Taken.NAMES);
        if (!taken.isEmpty()) {
            throw new IllegalArgumentException(library.file() + ": the library has a kernel of its own named "
                    + String.join(", ", taken) + "; give yours another name");
        }
    }

    /** The names of this library's own kernels: a device may know kernels by their names alone. */
    private static final class Taken {
        static final Set<String> NAMES = names();

        private static Set<String> names() {
            Set<String> names = new TreeSet<>();
            for (Device.Kind kind : Device.Kind.values()) {
                PlanningDevice device = new PlanningDevice(kind);
                Kernels.onNewStream(device).stream().close();
                names.addAll(device.requested());
            }
            return names;
        }
    }

    private void take(String directive, String rest, int line) {
        switch (directive) {
            case "scratch" -> {
                if (scratchLine > 0) {
                    throw new IllegalArgumentException("@scratch is given already in line " + scratchLine);
                }
                scratch = new SizeExpression(rest);
                scratchLine = line;
            }
            case "forward" -> forward.add(launch(rest, line));
            case "backward" -> backward.add(launch(rest, line));
            default ->
                throw new IllegalArgumentException(
                        "there is no @" + directive + "; there are @scratch, @forward and @backward");
        }
    }

    private Launch launch(String text, int line) {
        Matcher launch = LAUNCH.matcher(text);
        if (!launch.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' should be a kernel's name, blocks = SIZE and threads = SIZE");
        }
        String kernel = launch.group(1);
        if (!library.kernels().contains(kernel)) {
            throw new IllegalArgumentException(
                    "there is no KERNEL(" + kernel + ", LOSS_PARAMETERS) in this file; it has "
                            + (library.kernels().isEmpty() ? "no kernel" : String.join(", ", library.kernels())));
        }
        Map<String, SizeExpression> settings = new HashMap<>();
        Matcher setting = SETTING.matcher(launch.group(2));
        int end = 0;
        while (setting.find()) {
            if (!launch.group(2).substring(end, setting.start()).isBlank()) {
                break;
            }
            end = setting.end();
            if (!SETTINGS.contains(setting.group(1))) {
                throw new IllegalArgumentException(
                        "a launch has no '" + setting.group(1) + "'; it has blocks, threads and, if need be, shared");
            }
            if (settings.put(setting.group(1), new SizeExpression(setting.group(2))) != null) {
                throw new IllegalArgumentException("'" + setting.group(1) + "' is said twice");
            }
        }
        if (!launch.group(2).substring(end).isBlank()) {
            throw new IllegalArgumentException(
                    "'" + launch.group(2).substring(end).strip() + "' should be NAME = SIZE, as in blocks = rows");
        }
        for (String name : List.of("blocks", "threads")) {
            if (!settings.containsKey(name)) {
                throw new IllegalArgumentException("the launch of " + kernel + " lacks " + name + " = SIZE");
            }
        }
        return new Launch(
                kernel,
                settings.get("blocks"),
                settings.get("threads"),
                settings.getOrDefault("shared", new SizeExpression("0")),
                line);
    }

    /** An error in a line. */
    IllegalArgumentException at(int line, String message) {
        return new IllegalArgumentException(library.file() + ":" + line + ": " + message);
    }

    /**
     * Evaluates a size.
     *
     * @throws IllegalArgumentException if it is out of range, with file and line
     */
    int size(int line, String what, SizeExpression expression, ContrastiveShape shape, long least, long most) {
        long value;
        try {
            value = expression.of(shape);
        } catch (IllegalArgumentException e) {
            throw at(line, e.getMessage());
        }
        if (value < least || value > most) {
            throw at(
                    line,
                    what + " = " + expression + " is " + value + " for " + shape.rows() + " rows, "
                            + shape.columns() + " columns and width " + shape.width() + ", but must lie between "
                            + least
                            + " and " + most);
        }
        return (int) value;
    }

    /** The size of the scratch memory, in floats. */
    int scratch(ContrastiveShape shape) {
        return size(Math.max(1, scratchLine), "@scratch", scratch, shape, 0, Integer.MAX_VALUE);
    }

    List<Launch> forward() {
        return forward;
    }

    List<Launch> backward() {
        return backward;
    }
}
