package io.github.vicmae.report;

import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Pictures of the same samples at several steps of a run, in its folder {@code pictures}: {@code input.png}, {@code masked.png} and a {@code
 * step-N.png} for each of some steps. There are never many: where they become too many, every second one goes.
 */
public final class Snapshots {
    private static final int MOST = 12;
    private static final int GAP = 4; // pixels between two pictures
    private static final String INPUT = "input.png";
    private static final String MASKED = "masked.png";
    private static final Pattern STEP = Pattern.compile("step-([0-9]{1,18})\\.png");

    private final Path folder;

    /**
     * @param run the run's folder
     */
    public Snapshots(Path run) {
        folder = run.resolve("pictures");
    }

    /**
     * Adds the pictures after a step.
     *
     * @throws IOException if they cannot be written
     */
    public void add(long step, List<ReportData.Sample> samples) throws IOException {
        if (samples.isEmpty()) {
            return; // a model that reconstructs nothing
        }
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw FileErrors.cannot("write", folder, e);
        }
        write(INPUT, samples, ReconstructionGrid.Images::input);
        write(MASKED, samples, ReconstructionGrid.Images::masked);
        write("step-" + step + ".png", samples, ReconstructionGrid.Images::pasted);
        TreeMap<Long, Path> steps = steps();
        if (steps.size() > MOST) {
            boolean goes = false;
            for (Map.Entry<Long, Path> one : steps.entrySet()) {
                if (goes && one.getKey() != step) {
                    Files.deleteIfExists(one.getValue());
                }
                goes = !goes;
            }
        }
    }

    /** Removes those of later steps, which will be made again. */
    public void removeAfter(long step) throws IOException {
        for (Path file : steps().tailMap(step, false).values()) {
            Files.deleteIfExists(file);
        }
    }

    /** Those that there are, by their step. */
    private TreeMap<Long, Path> steps() throws IOException {
        TreeMap<Long, Path> found = new TreeMap<>();
        if (!Files.isDirectory(folder)) {
            return found;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Matcher name = STEP.matcher(file.getFileName().toString());
                if (name.matches()) {
                    found.put(Long.parseLong(name.group(1)), file);
                }
            }
        }
        return found;
    }

    /** All pictures with their captions, in the order in which a reader wants them: input, masked, then step by step. */
    Map<String, byte[]> read() throws IOException {
        Map<String, byte[]> pictures = new LinkedHashMap<>();
        TreeMap<Long, Path> steps = steps();
        if (steps.isEmpty()) {
            return pictures;
        }
        for (String name : List.of(INPUT, MASKED)) {
            if (Files.exists(folder.resolve(name))) {
                pictures.put(name.replace(".png", ""), Files.readAllBytes(folder.resolve(name)));
            }
        }
        for (Map.Entry<Long, Path> one : steps.entrySet()) {
            pictures.put("step " + one.getKey(), Files.readAllBytes(one.getValue()));
        }
        return pictures;
    }

    private void write(
            String name, List<ReportData.Sample> samples, Function<ReconstructionGrid.Images, BufferedImage> which)
            throws IOException {
        List<BufferedImage> images = new ArrayList<>();
        for (ReportData.Sample sample : samples) {
            images.add(which.apply(sample.views().get(0)));
        }
        AtomicFile.write(folder.resolve(name), ReconstructionGrid.png(arrange(images)));
    }

    /** Pictures of one size side by side, those of another size, such as clips, below them. */
    private static BufferedImage arrange(List<BufferedImage> images) {
        List<int[]> places = new ArrayList<>();
        int x = 0;
        int y = 0;
        int width = 0;
        int height = 0;
        for (int i = 0; i < images.size(); i++) {
            BufferedImage image = images.get(i);
            boolean isWide = image.getWidth() > 2 * image.getHeight();
            boolean isOther = i > 0 && image.getWidth() != images.get(i - 1).getWidth();
            if (i > 0 && (isWide || isOther)) {
                x = 0;
                y = height + GAP;
            }
            places.add(new int[] {x, y});
            x += image.getWidth() + GAP;
            width = Math.max(width, x - GAP);
            height = Math.max(height, y + image.getHeight());
        }
        BufferedImage all = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D drawing = all.createGraphics();
        drawing.setColor(Color.WHITE);
        drawing.fillRect(0, 0, width, height);
        for (int i = 0; i < images.size(); i++) {
            drawing.drawImage(images.get(i), places.get(i)[0], places.get(i)[1], null);
        }
        drawing.dispose();
        return all;
    }
}
