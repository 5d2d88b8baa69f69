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
    private static final String MARKER = "unpacked.txt";
    private static final long SEED = 0;
    private static final SyntheticShapes.Settings FEW = new SyntheticShapes.Settings(64, 18, 20, 8, 2, 1, 1);
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
            SyntheticShapes.write(own, SEED, quick ? FEW : SyntheticShapes.Settings.DEFAULT);
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

    /** Unpacks a tar file's regular files, unless that was done. */
    private static Path unpacked(Path file, Path to) throws IOException {
        String description = "Unpacked from " + file.getFileName() + ", " + Files.size(file) + " bytes\n";
        Path marker = to.resolve(MARKER);
        if (Files.exists(marker)) {
            if (!Files.readString(marker).equals(description)) {
                throw new IOException(to + " holds another data set (" + Files.readString(marker).strip()
                        + "), not " + file + "; name a new folder with --out");
            }
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
        // Written last: it marks the set as complete.
        Files.writeString(marker, description, StandardCharsets.UTF_8);
        return to;
    }

    /** Copies the first files of each class. */
    private static Path few(Path from, Path to) throws IOException {
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
        return to;
    }

    /** What tells one side of the data from another: its counts and its fingerprint. */
    static String described(Path side) throws IOException {
        Dataset data = Dataset.scan(List.of(side));
        return data.images() + " images and " + data.videos() + " videos of "
                + data.classNames().size() + " classes, fingerprint " + data.fingerprint();
    }
}
