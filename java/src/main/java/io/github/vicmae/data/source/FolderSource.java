package io.github.vicmae.data.source;

import io.github.vicmae.data.source.ScanReport.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The videos and images below one folder, at any depth, in the order of their relative paths. The first folder level is the class; files that
 * lie directly in the folder have none. A tar file counts as a folder of {@linkplain TarSource its samples}.
 *
 * <p>Files are taken by their extension ({@link Kind}); what is {@linkplain FolderWalk hidden} is left out.
 */
public final class FolderSource implements SampleSource {
    private final Path root;

    public FolderSource(Path root) {
        this.root = root;
    }

    /** What lies beside packed shards is no data, and not missed either. */
    private static boolean isManifest(Path file) {
        return file.endsWith("manifest.json") && Files.exists(file.resolveSibling("shard-000000.tar"));
    }

    @Override
    public Scan scan() throws IOException {
        TreeMap<String, Path> files = new TreeMap<>();
        ScanReport report = new FolderWalk(root) {
            @Override
            Reason take(String name, Path file) {
                if (!TarSource.isTar(file) && Kind.of(name) == null) {
                    return isManifest(file) ? null : Reason.UNKNOWN;
                }
                if (Kind.isAmbiguous(name) && !isTransportStream(file)) {
                    return Reason.OTHER_CONTENT;
                }
                files.put(name, file);
                return null;
            }
        }.walk();
        List<Found> found = new ArrayList<>(files.size());
        boolean numbered = true;
        for (var file : files.entrySet()) {
            String name = file.getKey();
            int slash = name.indexOf('/');
            String className = slash < 0 ? null : FileNames.printable(name.substring(0, slash));
            if (TarSource.isTar(file.getValue())) {
                Scan inside = new TarSource(file.getValue(), name + "/", className).scan();
                found.addAll(inside.found());
                report.addAll(inside.report());
                numbered &= inside.numbered();
            } else {
                found.add(new Found(name, Content.of(file.getValue()), Kind.of(name), className));
                numbered &= className == null;
            }
        }
        return new Scan(found, numbered, report);
    }

    /** A file that cannot be opened, or is a Git LFS pointer, counts as the video that its name promises: reading it reports the problem. */
    private static boolean isTransportStream(Path file) {
        Content content = Content.of(file);
        try {
            return Kind.isTransportStream(content) || ReadFailure.gitLfsPointer(content) != null;
        } catch (IOException e) {
            return true;
        }
    }
}
