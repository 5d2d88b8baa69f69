package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.inspect.ContactSheet;
import io.github.vicmae.data.inspect.FileFacts;
import io.github.vicmae.data.inspect.Inspection;
import io.github.vicmae.data.inspect.PixelStatistics;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what a data set holds, before it is trained on. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Open every file of a data set, and print what there is: counts, sizes, lengths, what is broken or left out.")
final class InspectCommand implements Callable<Integer> {
    private static final int MOST_CLASSES = 30;
    private static final int MOST_BROKEN = 50;

    @Parameters(
            arity = "1..*",
            paramLabel = "DATA",
            description = "folders, lists or tar files, as for pretrain --data")
    private List<Path> data;

    @Option(names = "--json", description = "one line of JSON for each file instead of the tables")
    private boolean json;

    @Option(
            names = "--sheet",
            paramLabel = "FILE.png",
            description = "where pairs of augmented views are drawn (default: contact-sheet.png; with --json, nowhere)")
    private Path sheet;

    @Option(
            names = "--pairs",
            paramLabel = "N",
            defaultValue = "16",
            description = "pairs on it; 0 for no sheet (default: ${DEFAULT-VALUE})")
    private int pairs;

    @Option(
            names = "--size",
            paramLabel = "N",
            defaultValue = "112",
            description = "side of a view on it in pixels (default: ${DEFAULT-VALUE})")
    private int size;

    @Option(names = "--workers", paramLabel = "N", description = "threads (default: one for each core)")
    private Integer workers;

    @Spec
    private CommandSpec spec;

    private final ObjectMapper mapper = new ObjectMapper();
    private final List<FileFacts> facts = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (pairs < 0 || size < 1 || workers != null && workers < 1) {
            throw new IllegalArgumentException("--pairs cannot be negative, --size and --workers must be positive");
        }
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Path drawn = pairs == 0 ? null : sheet != null ? sheet : json ? null : Path.of("contact-sheet.png");
        if (drawn != null) {
            AtomicFile.checkWritable(drawn);
        }
        Dataset found = Dataset.scan(data);
        Inspection inspection = new Inspection();
        int threads = workers == null ? Runtime.getRuntime().availableProcessors() : workers;
        inspection.run(found, threads, one -> {
            facts.add(one);
            if (json) {
                out.println(line(one));
            }
        });
        if (json) {
            found.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        } else {
            print(out, found, inspection.pixels());
        }
        if (drawn != null) {
            draw(drawn, found, json ? err : out);
        }
        return 0;
    }

    private static String count(int count, String what) {
        return count + " " + what + (count == 1 ? "" : "s");
    }

    private String line(FileFacts one) {
        ObjectNode line = mapper.createObjectNode();
        Sample sample = one.sample();
        line.put("path", sample.name());
        line.put("kind", sample.kind().toString().toLowerCase(Locale.ROOT));
        line.put("width", one.isReadable() ? one.width() : null);
        line.put("height", one.isReadable() ? one.height() : null);
        line.put("duration", Double.isFinite(one.seconds()) ? one.seconds() : null);
        line.put("fps", Double.isFinite(one.rate()) ? one.rate() : null);
        line.put("frames", one.frames() > 0 ? one.frames() : null);
        line.put("class", sample.className());
        line.put("problem", one.problem());
        return line.toString();
    }

    private void print(PrintWriter out, Dataset found, PixelStatistics pixels) {
        out.println(count(found.videos(), "video") + ", " + count(found.images(), "image"));
        kind(out, "images", facts.stream().filter(f -> !f.sample().isVideo()).toList());
        kind(out, "videos", facts.stream().filter(f -> f.sample().isVideo()).toList());
        classes(out, found);
        List<FileFacts> broken = facts.stream().filter(f -> f.problem() != null).toList();
        if (!broken.isEmpty()) {
            out.println();
            out.println(broken.size() + (broken.size() == 1 ? " file has a problem:" : " files have problems:"));
            broken.stream()
                    .limit(MOST_BROKEN)
                    .forEach(f -> out.println("  " + f.sample().name() + ": " + f.problem()));
            if (broken.size() > MOST_BROKEN) {
                out.println("  and " + (broken.size() - MOST_BROKEN) + " more; --json lists all");
            }
        }
        if (found.report().count() > 0) {
            out.println();
            found.report().sentences().forEach(out::println);
        }
        if (pixels.pictures() > 0) {
            out.println();
            out.printf(
                    "pixels of %d pictures, 0 to 1: mean %s, deviation %s%n",
                    pixels.pictures(), numbers(pixels.mean()), numbers(pixels.deviation()));
        }
    }

    private static String numbers(double[] values) {
        List<String> shown = new ArrayList<>();
        for (double value : values) {
            shown.add(String.format(Locale.ROOT, "%.4f", value));
        }
        return String.join(" ", shown);
    }

    /** Sizes, and of videos lengths and rates. */
    private static void kind(PrintWriter out, String name, List<FileFacts> of) {
        List<FileFacts> readable = of.stream().filter(FileFacts::isReadable).toList();
        if (readable.isEmpty()) {
            return;
        }
        out.println();
        out.println(name + ":");
        range(out, "short side", readable, "pixels", f -> Math.min(f.width(), f.height()));
        range(out, "long side", readable, "pixels", f -> Math.max(f.width(), f.height()));
        if (readable.get(0).sample().isVideo()) {
            range(out, "length", readable, "s", FileFacts::seconds);
            range(out, "frame rate", readable, "fps", FileFacts::rate);
            range(out, "frames", readable, "", FileFacts::frames);
            double hours = readable.stream()
                            .mapToDouble(FileFacts::seconds)
                            .filter(Double::isFinite)
                            .sum()
                    / 3600;
            out.println("  together     " + number(hours) + " hours");
        }
    }

    private static String number(double value) {
        return new BigDecimal(value)
                .round(new MathContext(4, RoundingMode.HALF_UP))
                .stripTrailingZeros()
                .toPlainString();
    }

    private static void range(
            PrintWriter out, String name, List<FileFacts> of, String unit, ToDoubleFunction<FileFacts> value) {
        DoubleSummaryStatistics s =
                of.stream().mapToDouble(value).filter(Double::isFinite).summaryStatistics();
        if (s.getCount() == 0) {
            return;
        }
        double[] sorted =
                of.stream().mapToDouble(value).filter(Double::isFinite).sorted().toArray();
        String text = s.getMin() == s.getMax()
                ? number(s.getMin())
                : number(s.getMin()) + " to " + number(s.getMax()) + ", median "
                        + number(sorted[(sorted.length - 1) / 2]);
        out.println(("  " + String.format(Locale.ROOT, "%-12s ", name) + text + " " + unit).stripTrailing());
    }

    private void classes(PrintWriter out, Dataset found) {
        Map<String, int[]> counts = new TreeMap<>();
        int without = 0;
        for (Sample sample : found.samples()) {
            if (sample.className() == null) {
                without++;
            } else {
                counts.computeIfAbsent(sample.className(), name -> new int[2])[sample.isVideo() ? 0 : 1]++;
            }
        }
        out.println();
        if (counts.isEmpty()) {
            out.println("no classes");
            return;
        }
        out.println(counts.size() + (counts.size() == 1 ? " class" : " classes")
                + (without > 0 ? ", " + count(without, "file") + " without one" : "") + " (videos, images):");
        counts.entrySet().stream()
                .limit(MOST_CLASSES)
                .forEach(c -> out.printf(Locale.ROOT, "  %7d %7d  %s%n", c.getValue()[0], c.getValue()[1], c.getKey()));
        if (counts.size() > MOST_CLASSES) {
            String most = counts.values().stream()
                    .map(c -> c[0] + c[1])
                    .collect(Collectors.summarizingInt(Integer::intValue))
                    .toString()
                    .replaceAll(".*min=(\\d+).*max=(\\d+).*", "$1 to $2");
            out.println("  and " + (counts.size() - MOST_CLASSES) + " more; a class has " + most + " files");
        }
    }

    private void draw(Path file, Dataset found, PrintWriter says) throws IOException {
        if (facts.stream().noneMatch(FileFacts::isReadable)) {
            says.println("no contact sheet: nothing could be read");
            return;
        }
        ViewSettings view = ViewSettings.paper(size, size, 3);
        var picture = ContactSheet.draw(found, pairs, view, 0);
        AtomicFile.write(file, out -> ImageIO.write(picture, "png", Channels.newOutputStream(out)));
        says.println("contact sheet: " + file);
    }
}
