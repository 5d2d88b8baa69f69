package io.github.vicmae.cli.evidence;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tables that there are. */
public final class Evidence {
    /** Their names. */
    public static final List<String> NAMES = List.of(CifarTable.NAME, ClipsTable.NAME);

    private Evidence() {}

    /**
     * A table by its name.
     *
     * @param out the folder for all that its commands write
     * @throws IllegalArgumentException if there is no such table
     */
    public static EvidenceTable table(String name, EvidenceSettings settings, Path out) {
        return switch (name) {
            case CifarTable.NAME -> CifarTable.of(settings, out);
            case ClipsTable.NAME -> ClipsTable.of(settings, out);
            default ->
                throw new IllegalArgumentException(
                        "There is no table '" + name + "'; there are " + String.join(" and ", NAMES));
        };
    }

    /**
     * Finds or makes the data of a table.
     *
     * @param given a folder with {@code train} and {@code test}, a tar file of one, or "synthetic"
     * @param out the table's folder
     * @throws IOException if there is no such data
     */
    public static EvidenceSettings settings(String given, Path out, boolean quick, String device) throws IOException {
        Path data = EvidenceData.folder(given, out.resolve("data"), quick);
        return new EvidenceSettings(data.resolve("train"), data.resolve("test"), quick, device);
    }

    /**
     * Prepares the making of a table.
     *
     * @throws IOException if the data cannot be read
     */
    public static EvidenceRun run(
            String name, EvidenceSettings settings, Path out, EvidenceRun.Program program, PrintWriter err)
            throws IOException {
        Map<String, String> identity = new LinkedHashMap<>();
        identity.put("table", name);
        identity.put("training data", EvidenceData.described(settings.train()));
        identity.put("test data", EvidenceData.described(settings.test()));
        identity.put("checksum of the commands", checksum(name, settings.quick()));
        return new EvidenceRun(table(name, settings, out), out, identity, program, err);
    }

    /** Of the commands wherever data and results lie, on whichever device. */
    private static String checksum(String name, boolean quick) {
        return table(name, new EvidenceSettings(Path.of("train"), Path.of("test"), quick, null), Path.of("out"))
                .checksum();
    }
}
