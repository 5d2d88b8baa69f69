package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A place where samples come from: a folder, a list, or one file. Another form of data set is another implementation; what reads samples sees
 * {@link Sample}s with {@link Content}, and never where they came from.
 */
public interface SampleSource {
    /**
     * A sample before the classes of all sources are numbered.
     *
     * @param id names it within its source, the same on every machine: a path relative to the source, with slashes
     * @param content its bytes
     * @param kind what they are
     * @param className its class, or null if it has none
     */
    record Found(String id, Content content, Kind kind, String className) {}

    /**
     * What a source holds.
     *
     * @param found in an order that depends on nothing but the source's content
     * @param numbered whether all class names are whole numbers that may stand for themselves, as in Kinetics' lists
     * @param report what was left out
     */
    record Scan(List<Found> found, boolean numbered, ScanReport report) {}

    /**
     * Finds the samples. May be called once or several times.
     *
     * @throws IOException if the source cannot be read at all; the message names it
     */
    Scan scan() throws IOException;

    /**
     * The source that a path stands for: a folder ({@link FolderSource}), a list if it ends in .csv, .tsv, .txt or .list ({@link ListSource}) or in .json
     * or .jsonl ({@link JsonSource}), a tar file ({@link TarSource}), or else a single video or image. {@code frames:PATH} and {@code
     * frames@RATE:PATH} are folders of frames ({@link FrameFoldersSource}).
     *
     * @throws IOException if there is nothing at the path
     */
    static SampleSource of(Path path) throws IOException {
        SampleSource frames = Files.exists(path) ? null : FrameFoldersSource.named(path);
        if (frames != null) {
            return frames;
        }
        if (Files.isDirectory(path)) {
            return new FolderSource(path);
        }
        if (!Files.exists(path)) {
            if (FileNames.isAddress(path)) {
                throw new IOException(
                        FileNames.printable(FileNames.text(path)) + " is an address: remote data are read only"
                                + " through a path. Mount them or download them first.");
            }
            throw new IOException("There is no folder or file " + FileNames.printable(FileNames.text(path)) + ".");
        }
        if (TarSource.isTar(path)) {
            return new TarSource(path);
        }
        if (JsonSource.isJson(path)) {
            return new JsonSource(path);
        }
        return ListSource.isList(path) ? new ListSource(path) : new SingleFile(path);
    }
}
