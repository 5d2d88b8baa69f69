package io.github.vicmae.device;

import java.nio.file.Path;
import org.lwjgl.system.Library;
import org.lwjgl.system.SharedLibrary;

/** Loads the libraries of kernels and of the emulated driver. */
public final class LibraryLoader {
    private LibraryLoader() {}

    /**
     * Loads a library.
     *
     * @param what what it is, as in "The kernels in": a sentence's beginning
     * @throws DeviceException if the loader refuses it
     */
    public static SharedLibrary load(String what, Path file) {
        Path path = file.toAbsolutePath();
        try {
            return Library.loadNative(LibraryLoader.class, "io.github.vicmae", path.toString());
        } catch (LinkageError e) {
            boolean unpacked = path.startsWith(
                    Path.of(System.getProperty(NativeFiles.TEMPORARY)).toAbsolutePath());
            throw new DeviceException(
                    what + " " + path + " could not be loaded: " + e.getMessage()
                            + (unpacked
                                    ? ". If the folder is mounted noexec, name another with -D" + NativeFiles.TEMPORARY
                                            + "=FOLDER (VICMAE_JAVA_OPTIONS)"
                                    : ""),
                    e);
        }
    }
}
