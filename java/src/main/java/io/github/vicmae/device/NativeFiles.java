package io.github.vicmae.device;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The compiled kernels among the class path's resources. */
public final class NativeFiles {
    private static final String FOLDER = "/io/github/vicmae/kernels/";

    /** The system property with the folder for what is unpacked. */
    static final String TEMPORARY = "java.io.tmpdir";

    private NativeFiles() {}

    /**
     * A file that the operating system can load: the resource itself where classes lie in a folder, else a copy in a private temporary folder
     * that is removed when the JVM ends.
     *
     * @param resource path below the kernels' folder, as in {@code cpu/libvicmae_x86-64.so}
     * @return null if this build has no such resource
     */
    public static Path extract(String resource) {
        URL url = NativeFiles.class.getResource(FOLDER + resource);
        if (url == null) {
            return null;
        }
        try {
            if (url.getProtocol().equals("file")) {
                return Path.of(url.toURI());
            }
            Path folder = Files.createTempDirectory("vicmae-");
            folder.toFile().deleteOnExit();
            Path file = folder.resolve(Path.of(resource).getFileName().toString());
            file.toFile().deleteOnExit();
            try (InputStream in = url.openStream()) {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "The library " + resource + " could not be unpacked into the temporary folder "
                            + System.getProperty(TEMPORARY) + ": " + e + "; make room there, or name another with -D"
                            + TEMPORARY + "=FOLDER (VICMAE_JAVA_OPTIONS)",
                    e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException("The resource " + url + " has no path", e);
        }
    }

    /**
     * A resource's bytes, from the same jar or folder as another: what comes first in the class path may have the one without the other.
     *
     * @return null if this build has not both of them there
     */
    public static byte[] bytesBeside(String other, String resource) {
        URL beside = NativeFiles.class.getResource(FOLDER + other);
        URL url = NativeFiles.class.getResource(FOLDER + resource);
        if (beside == null || url == null || !root(beside, other).equals(root(url, resource))) {
            return null;
        }
        return bytes(resource);
    }

    private static String root(URL url, String resource) {
        String text = url.toString();
        return text.substring(0, text.length() - resource.length());
    }

    /** Whether this build has that resource. */
    public static boolean contains(String resource) {
        return NativeFiles.class.getResource(FOLDER + resource) != null;
    }

    /** A resource's bytes, or null if this build has none of that name. */
    public static byte[] bytes(String resource) {
        try (InputStream in = NativeFiles.class.getResourceAsStream(FOLDER + resource)) {
            return in == null ? null : in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("The resource " + resource + " could not be read", e);
        }
    }
}
