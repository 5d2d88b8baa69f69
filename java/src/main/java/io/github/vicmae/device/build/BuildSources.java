package io.github.vicmae.device.build;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.NativeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The headers and build files that a user's kernels are built with, which lie in the jar, and their copy in the cache. */
final class BuildSources {
    private static final String FOLDER = "source/";
    private static BuildSources read;

    private final Map<String, byte[]> files = new TreeMap<>();
    private final String hash;

    private BuildSources() {
        ContentHash content = new ContentHash();
        for (String name : text("index.txt").lines().toList()) {
            byte[] bytes = bytes(name);
            files.put(name, bytes);
            content.add(name).add(bytes);
        }
        hash = content.hex();
    }

    static synchronized BuildSources get() {
        if (read == null) {
            read = new BuildSources();
        }
        return read;
    }

    private static byte[] bytes(String name) {
        byte[] bytes = NativeFiles.bytes(FOLDER + name);
        if (bytes == null) {
            throw new DeviceException("This build has no " + FOLDER + name
                    + ", which is needed to build kernels of your own; build it anew with 'mvn package'");
        }
        return bytes;
    }

    private static String text(String name) {
        return new String(bytes(name), StandardCharsets.UTF_8);
    }

    /** What all of them hold. */
    String hash() {
        return hash;
    }

    /** The folder in the cache that holds them all; made if it is not there. */
    Path unpackedIn(Path cache) throws IOException {
        Path folder = cache.resolve("source-" + hash);
        if (!Files.isDirectory(folder)) {
            try (WorkFolder work = WorkFolder.in(cache)) {
                for (Map.Entry<String, byte[]> file : files.entrySet()) {
                    Path copy = work.path().resolve(file.getKey());
                    Files.createDirectories(copy.getParent());
                    Files.write(copy, file.getValue());
                }
                work.becomes(folder);
            }
        }
        return folder;
    }

    /** What an unpacked folder must hold, for tests. */
    List<String> names() {
        return List.copyOf(files.keySet());
    }
}
