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

    private final Path file;
    private final KernelBuild build;
    private final String text;
    private final String hash;
    private final Set<String> kernels = new TreeSet<>();

    private SourceLibrary(Path file, KernelBuild build) throws IOException {
        this.file = file;
        this.build = build;
        text = Files.readString(file, StandardCharsets.UTF_8);
        Map<String, byte[]> read = new TreeMap<>();
        addIncludes(file, text, read);
        ContentHash content = new ContentHash().add(text);
        read.forEach((path, bytes) -> content.add(path).add(bytes));
        hash = content.hex();
        for (Matcher m = KERNEL.matcher(text); m.find(); ) {
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

    /** Files beside the source, and theirs; those of this library are found elsewhere and count by themselves. */
    private void addIncludes(Path from, String source, Map<String, byte[]> read) throws IOException {
        for (Matcher m = INCLUDE.matcher(source); m.find(); ) {
            Path included = from.resolveSibling(m.group(1)).normalize();
            String name = file.toAbsolutePath()
                    .getParent()
                    .relativize(included.toAbsolutePath())
                    .toString();
            if (Files.isRegularFile(included) && !read.containsKey(name)) {
                byte[] bytes = Files.readAllBytes(included);
                read.put(name, bytes);
                addIncludes(included, new String(bytes, StandardCharsets.UTF_8), read);
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
