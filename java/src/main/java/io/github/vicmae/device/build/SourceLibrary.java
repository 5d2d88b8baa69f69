package io.github.vicmae.device.build;

import io.github.vicmae.device.KernelLibrary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A .cu file of a user's own as a library of kernels, each form of which is built when a device asks for it. */
public final class SourceLibrary implements KernelLibrary {
    private static final Pattern INCLUDE = Pattern.compile("^\\s*#\\s*include\\s*\"([^\"]+)\"", Pattern.MULTILINE);
    private static final Pattern KERNEL =
            Pattern.compile("^\\s*(?:KERNEL\\(\\s*|KERNEL_BOUNDED\\([^,()]*,[^,()]*,\\s*)(\\w+)", Pattern.MULTILINE);

    /** Comments, and strings, in which there are none. */
    private static final Pattern COMMENT =
            Pattern.compile("//[^\\n]*+|/\\*.*?\\*/|\"[^\"\\\\\\n]*+(?:\\\\.[^\"\\\\\\n]*+)*+\"", Pattern.DOTALL);

    private final Path file;
    private final KernelBuild build;
    private final String text;
    private final String hash;
    /** Files beside the source that it includes, by their names as seen from it. */
    private final Map<String, byte[]> included = new TreeMap<>();

    private final Set<String> kernels = new TreeSet<>();

    private SourceLibrary(Path file, KernelBuild build) throws IOException {
        this.file = file;
        this.build = build;
        text = Files.readString(file, StandardCharsets.UTF_8);
        addIncludes(file, text);
        ContentHash content = new ContentHash().add(text);
        included.forEach((path, bytes) -> content.add(path).add(bytes));
        hash = content.hex();
        for (Matcher m = KERNEL.matcher(withoutComments(text)); m.find(); ) {
            kernels.add(m.group(1));
        }
    }

    /**
     * Reads a source; nothing is built yet.
     *
     * @throws IOException if it, or a file beside it that it includes, cannot be read
     */
    public static SourceLibrary read(Path file, KernelBuild build) throws IOException {
        return new SourceLibrary(file, build);
    }

    private static String withoutComments(String source) {
        return COMMENT.matcher(source)
                .replaceAll(m -> m.group().startsWith("/") ? " " : Matcher.quoteReplacement(m.group()));
    }

    /** Files beside the source, and theirs; those of this library are found elsewhere and count by themselves. */
    private void addIncludes(Path from, String source) throws IOException {
        for (Matcher m = INCLUDE.matcher(source); m.find(); ) {
            Path part = from.resolveSibling(m.group(1)).normalize();
            String name = file.toAbsolutePath()
                    .getParent()
                    .relativize(part.toAbsolutePath())
                    .toString();
            if (Files.isRegularFile(part) && !included.containsKey(name)) {
                byte[] bytes = Files.readAllBytes(part);
                included.put(name, bytes);
                addIncludes(part, new String(bytes, StandardCharsets.UTF_8));
            }
        }
    }

    public Path file() {
        return file;
    }

    /** The source. */
    public String text() {
        return text;
    }

    /** SHA-256, in hexadecimal digits, of the source and of the files beside it that it includes. */
    public String hash() {
        return hash;
    }

    /**
     * Copies the source, as it was read, and what it includes of its own folder and those in it.
     *
     * @throws IOException if the folder cannot be written
     */
    public void copyTo(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(file.getFileName()), text);
        for (Map.Entry<String, byte[]> part : included.entrySet()) {
            Path copy = folder.resolve(part.getKey()).normalize();
            if (copy.startsWith(folder)) {
                Files.createDirectories(copy.getParent());
                Files.write(copy, part.getValue());
            }
        }
    }

    @Override
    public String name() {
        String name = file.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot < 0 ? name : name.substring(0, dot);
    }

    @Override
    public Set<String> kernels() {
        return kernels;
    }

    @Override
    public Path cpu(String isa, Path runtime) {
        return build.cpu(this, isa, runtime);
    }

    @Override
    public Path emulated(Path driver) {
        return build.emulated(this, driver);
    }

    @Override
    public byte[] ptx(int family) {
        Path result = build.ptx(this, family);
        try {
            return Files.readAllBytes(result);
        } catch (IOException e) {
            throw new BuildException(result + " was built but cannot be read: " + e.getMessage());
        }
    }
}
