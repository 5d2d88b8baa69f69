package io.github.vicmae.device;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.lwjgl.system.APIUtil;

/**
 * Where the dynamic loader finds a library (ld.so(8)), without loading it: the folders of LD_LIBRARY_PATH, then /etc/ld.so.cache, then the system's
 * own folders.
 */
public final class LibraryPath {
    private static final byte[] MAGIC = "glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER_BYTES = 48;
    private static final int ENTRY_BYTES = 24;
    private static final List<String> SYSTEM =
            List.of("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib64", "lib", "usr/lib");

    private final Path root;
    private final String variable;

    /**
     * @param root the folder in which etc, lib and usr are looked for
     * @param variable LD_LIBRARY_PATH, or null
     */
    public LibraryPath(Path root, String variable) {
        this.root = root;
        this.variable = variable;
    }

    /** Where this process's loader looks. */
    public static LibraryPath ofProcess() {
        return new LibraryPath(Path.of("/"), System.getenv("LD_LIBRARY_PATH"));
    }

    /** What the loader says against a library that it could not load, or null where there is no file of this name. */
    public String refusal(String name) {
        try {
            Path file = find(name);
            if (file == null) {
                return null;
            }
            try {
                APIUtil.apiCreateLibrary(file.toString()).free();
            } catch (UnsatisfiedLinkError e) {
                // Again: the first failure's reason is lost while Java looks up the function that asks for it.
                APIUtil.apiCreateLibrary(file.toString()).free();
            }
            return file + " is loaded only when it is named by its path";
        } catch (UnsatisfiedLinkError e) {
            return e.getMessage();
        } catch (IOException | RuntimeException e) {
            return null;
        }
    }

    /** The folders of a variable such as PATH; what is empty or cannot be a path is left out. */
    public static List<Path> folders(String variable) {
        List<Path> folders = new ArrayList<>();
        for (String folder : variable == null ? new String[0] : variable.split(":")) {
            if (!folder.isEmpty() && folder.indexOf(0) < 0) {
                folders.add(Path.of(folder));
            }
        }
        return folders;
    }

    /**
     * The library's file, or null if the loader would find none.
     *
     * @param name as in libcuda.so.1
     */
    public Path find(String name) throws IOException {
        for (Path folder : folders(variable)) {
            if (Files.isRegularFile(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        Path cached = cached(name);
        if (cached != null) {
            return cached;
        }
        for (String folder : SYSTEM) {
            Path file = root.resolve(folder).resolve(name);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        return null;
    }

    /** Entries of the cache's newer form are (flags, key, value, kernel, capabilities); key and value are offsets of names in the file. */
    private Path cached(String name) throws IOException {
        Path cache = root.resolve("etc/ld.so.cache");
        if (!Files.isRegularFile(cache)) {
            return null;
        }
        byte[] bytes = Files.readAllBytes(cache);
        int start = start(bytes);
        if (start < 0) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        int count = in.getInt(start + MAGIC.length);
        for (int i = 0; i < count && start + HEADER_BYTES + (i + 1) * ENTRY_BYTES <= bytes.length; i++) {
            int entry = start + HEADER_BYTES + i * ENTRY_BYTES;
            if (text(bytes, start + in.getInt(entry + 4)).equals(name)) {
                Path file =
                        root.resolve(text(bytes, start + in.getInt(entry + 8)).replaceFirst("^/", ""));
                if (Files.isRegularFile(file)) {
                    return file;
                }
            }
        }
        return null;
    }

    /** Where the newer form begins: an older one may stand before it. */
    private static int start(byte[] bytes) {
        for (int at = 0; at + HEADER_BYTES <= bytes.length; at += 4) {
            if (Arrays.equals(bytes, at, at + MAGIC.length, MAGIC, 0, MAGIC.length)) {
                return at;
            }
        }
        return -1;
    }

    private static String text(byte[] bytes, int from) {
        if (from < 0 || from >= bytes.length) {
            return "";
        }
        int end = from;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, from, end - from, StandardCharsets.UTF_8);
    }
}
