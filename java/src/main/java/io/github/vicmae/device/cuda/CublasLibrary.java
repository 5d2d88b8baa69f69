package io.github.vicmae.device.cuda;

import io.github.vicmae.device.NativeFiles;
import java.nio.file.Path;
import org.lwjgl.system.APIUtil;

/**
 * Brings the cuBLAS that JCublas binds to into the process. JCublas 12.6 wants libcublas.so.12; where there is only libcublas.so.13, a bridge of
 * this build (cmake/cublas_bridge) takes that name and hands on to it.
 */
final class CublasLibrary {
    private static final String WANTED = "libcublas.so.12";
    private static final String NEWER = "libcublas.so.13";
    private static final String BRIDGE = "cublas/libcublas.so.12";

    private CublasLibrary() {}

    /**
     * Loads it and leaves it open.
     *
     * @return which one it is, in a few words
     * @throws UnsatisfiedLinkError if there is none, with what was looked for
     */
    static String load() {
        if (opens(WANTED)) {
            return "cuBLAS 12";
        }
        if (!opens(NEWER)) {
            throw new UnsatisfiedLinkError("neither " + WANTED + " nor " + NEWER + " was found; LD_LIBRARY_PATH or"
                    + " /etc/ld.so.conf names the folders that are looked into");
        }
        Path bridge = NativeFiles.extract(BRIDGE);
        if (bridge == null) {
            throw new UnsatisfiedLinkError(
                    WANTED + " was not found, only " + NEWER + ", and this build has no bridge to it");
        }
        System.load(bridge.toString());
        return "cuBLAS 13 through the bridge";
    }

    private static boolean opens(String library) {
        try {
            // Left open on purpose: JCublas's natives, and the bridge, find what is loaded already.
            APIUtil.apiCreateLibrary(library);
            return true;
        } catch (LinkageError e) {
            return false;
        }
    }
}
