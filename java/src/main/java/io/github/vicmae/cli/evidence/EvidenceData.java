package io.github.vicmae.cli.evidence;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;

/** The data of a table: a folder with {@code train} and {@code test}, each with a subfolder for each class. */
final class EvidenceData {
    /** What is given in place of a folder for rendered clips. */
    static final String SYNTHETIC = "synthetic";

    private static final String TRAIN = "train";
    private static final String TEST = "test";
    private static final String MARKER = "source.txt";
    private static final long SEED = 0;
    private static final int QUICK_TRAIN = 4;
    private static final int QUICK_TEST = 2;

    private EvidenceData() {}

    /**
     * The folder of the data.
     *
     * @param given a folder, a tar file of one, or {@link #SYNTHETIC}
     * @param own where a tar file is unpacked, or clips are rendered
     * @param quick whether a few samples of each class are enough, which are copied there
     * @throws IOException if there is no such data
     */
    static Path folder(String given, Path own, boolean quick) throws IOException {
        if (given.equals(SYNTHETIC)) {
            SyntheticShapes.write(own, SEED, quick ? SyntheticShapes.Settings.FEW : SyntheticShapes.Settings.DEFAULT);
            return own;
        }
        Path path = Path.of(given);
        boolean isTar = Files.isRegularFile(path)
                && path.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".tar");
        Path folder = sides(isTar ? unpacked(path, own.resolve("unpacked")) : path, given);
        return quick ? few(folder, own.resolve("few")) : folder;
    }

    /** The folder itself, or the only one in it, as archives have it. */
    private static Path sides(Path folder, String given) throws IOException {
        if (hasSides(folder)) {
            return folder;
        }
        if (Files.isDirectory(folder)) {
            for (Path inner : folders(folder)) {
                if (hasSides(inner)) {
                    return inner;
                }
            }
        }
        throw new IOException("The data of a table are a folder with the folders 'train' and 'test', each with a"
                + " subfolder for each class, or a tar file of one; there are none in " + given);
    }

    private static boolean hasSides(Path folder) {
        return Files.isDirectory(folder.resolve(TRAIN)) && Files.isDirectory(folder.resolve(TEST));
    }

    private static List<Path> folders(Path folder) throws IOException {
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.filter(Files::isDirectory).sorted().toList();
        }
    }

    /**
     * Whether a folder was filled from this source already.
     *
     * @throws IOException if it was filled from another
     */
    private static boolean isFilled(Path folder, String source) throws IOException {
        Path marker = folder.resolve(MARKER);
        if (!Files.exists(marker)) {
            return false;
        }
        String found = Files.readString(marker).strip();
        if (!found.equals(source)) {
            throw new IOException(folder + " holds another data set (" + found + "), not this one (" + source
                    + "); give the same data, or name a new folder with --out");
        }
        return true;
    }

    /** Written last, it marks a folder as complete. */
    private static void mark(Path folder, String source) throws IOException {
        Files.writeString(folder.resolve(MARKER), source + "\n", StandardCharsets.UTF_8);
    }

    /** Unpacks a tar file's regular files, unless that was done. */
    private static Path unpacked(Path file, Path to) throws IOException {
        String source = "unpacked from " + file.getFileName() + ", " + Files.size(file) + " bytes";
        if (isFilled(to, source)) {
            return to;
        }
        Path root = to.toAbsolutePath().normalize();
        try (TarFile tar = new TarFile(file)) {
            for (TarArchiveEntry entry : tar.getEntries()) {
                Path target = root.resolve(entry.getName()).normalize();
                if (!target.startsWith(root)) {
                    throw new IOException(file + " has an entry outside of its own folder: " + entry.getName());
                }
                if (entry.isFile() && !entry.isLink() && !entry.isSymbolicLink()) {
                    Files.createDirectories(target.getParent());
                    Files.copy(tar.getInputStream(entry), target, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        } catch (IOException e) {
            throw new IOException("Cannot unpack " + file + " to " + to + ": " + e.getMessage(), e);
        }
        mark(to, source);
        return to;
    }

    /** Copies the first files of each class. */
    private static Path few(Path from, Path to) throws IOException {
        String source =
                "a few samples of " + described(from.resolve(TRAIN)) + ", and of " + described(from.resolve(TEST));
        if (isFilled(to, source)) {
            return to;
        }
        for (String side : List.of(TRAIN, TEST)) {
            for (Path type : folders(from.resolve(side))) {
                Path target = Files.createDirectories(
                        to.resolve(side).resolve(type.getFileName().toString()));
                try (Stream<Path> files = Files.list(type)) {
                    List<Path> first = files.filter(Files::isRegularFile)
                            .sorted()
                            .limit(side.equals(TRAIN) ? QUICK_TRAIN : QUICK_TEST)
                            .toList();
                    for (Path file : first) {
                        Files.copy(
                                file,
                                target.resolve(file.getFileName().toString()),
                                StandardCopyOption.REPLACE_EXISTING);
                    }
                }
            }
        }
        mark(to, source);
        return to;
    }

    /** What tells one side of the data from another: its counts and its fingerprint. */
    static String described(Path side) throws IOException {
        Dataset data = Dataset.scan(List.of(side));
        return data.images() + " images and " + data.videos() + " videos of "
                + data.classNames().size() + " classes, fingerprint " + data.fingerprint();
    }
}
